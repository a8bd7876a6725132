"""The filter language: what is understood, and that nothing is ignored."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import FilterError
from gateway.memory.filters import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    BySource,
    Condition,
    Group,
    from_origins,
    matches,
    parse,
)
from gateway.memory.model import (
    Holder,
    Kind,
    Labels,
    Memory,
    Origin,
    Scope,
    Source,
    Speaker,
    knowledge_base,
    public,
)

DAY = 86_400_000
START = 1_765_324_800_000  # 2025-12-10 in UTC
BY_HAND = Source(role="user", content="", time=0, conversation="", turn="")


def memory(*, created=START, conversation="c", **labels):
    return Memory(
        id="m",
        scope=Scope("acme", "alice"),
        kind=Kind.FACT,
        text="",
        speaker=Speaker.USER,
        conversation=conversation,
        time=0,
        created=created,
        updated=created + DAY,
        sources=(),
        labels=Labels(**labels),
    )


def test_a_group_nests_at_will():
    tree = parse({"and": [{"or": [{"tags": {"contains": "a"}}, {"tags": "b"}]}, {"agent_id": "x"}]})
    either = Group("or", (Condition("tags", "contains", "a"), Condition("tags", "contains", "b")))
    assert tree == Group("and", (either, Condition("agent_id", "eq", "x")))


def test_a_condition_needs_no_group_around_it():
    assert parse({"app_id": "x"}) == Condition("app_id", "eq", "x")


def test_several_fields_of_one_condition_must_all_hold():
    tree = parse({"or": [{"agent_id": "x", "tags": "t"}]})
    assert matches(tree, memory(agent_id="x", tags=("t",)))
    assert not matches(tree, memory(agent_id="x"))
    assert not matches(tree, memory(tags=("t",)))


def test_or_needs_one_and_and_needs_all():
    parts = [{"agent_id": "x"}, {"conversation_id": "d"}]
    one = memory(agent_id="x")
    assert matches(parse({"or": parts}), one)
    assert not matches(parse({"and": parts}), one)
    assert not matches(parse({"or": parts}), memory())


@pytest.mark.parametrize(
    ("op", "value", "first", "last"),
    [
        ("gte", "2025-12-10", START, None),
        ("gt", "2025-12-10", START + DAY, None),
        ("lt", "2025-12-10", None, START - 1),
        ("lte", "2025-12-10", None, START + DAY - 1),
        ("gte", START, START, None),
        ("gt", START, START + 1, None),
        ("lt", START, None, START - 1),
        ("lte", START, None, START),
        ("gt", "2025-12-10T00:00:00Z", START + 1, None),
        ("gte", "2025-12-10T00:00:00", START, None),
        ("gte", "2025-12-10 08:00:00+08:00", START, None),
        ("lte", "2025-12-10T00:00:00.000500Z", None, START),
        ("gte", "2025-12-10T00:00:00.000500Z", START + 1, None),
        ("lt", "2025-12-10T00:00:00.000500Z", None, START),
        ("gt", "2025-12-10T00:00:00.000500Z", START + 1, None),
        ("lte", "9999-12-31", None, 253_402_300_799_999),
    ],
)
def test_a_time_bounds_to_the_millisecond_and_a_date_is_its_whole_day(op, value, first, last):
    tree = parse({"create_time": {op: value}})
    edge = last if first is None else first
    assert edge is not None
    outside = edge - 1 if last is None else edge + 1
    assert matches(tree, memory(created=edge))
    assert not matches(tree, memory(created=outside))


def test_a_time_may_have_two_bounds():
    tree = parse({"update_time": {"gte": "2025-12-10", "lt": "2025-12-11"}})
    assert matches(tree, memory(created=START - DAY))
    assert not matches(tree, memory(created=START))


@pytest.mark.parametrize(
    ("held", "asked", "equal"),
    [
        ("work", "work", True),
        ("work", "Work", False),
        (1, 1, True),
        (1, 1.0, True),
        (1, "1", False),
        (1, True, False),
        (True, True, True),
        (False, 0, False),
        (2**60, 2**60 + 1, False),
        (None, "None", False),
        (["work"], "work", False),
    ],
)
def test_info_is_equal_by_type_and_value(held, asked, equal):
    assert matches(parse({"scene": asked}), memory(info={"scene": held})) is equal


def test_a_memory_without_the_key_passes_no_condition_on_it():
    for condition in ({"scene": "work"}, {"scene": {"gt": 0}}):
        assert not matches(parse(condition), memory())


def test_info_ranges_are_numeric():
    tree = parse({"price": {"gt": 1, "lte": 2.5}})
    passing = [v for v in (1, 1.5, 2.5, 3, True, "2", None, 10**400, float("nan"))
               if matches(tree, memory(info={"price": v}))]  # fmt: skip
    assert passing == [1.5, 2.5]


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        (None, "filter:"),
        ([], "filter:"),
        ("tags", "filter:"),
        ({}, "filter:"),
        ({"and": []}, "filter.and:"),
        ({"and": {}}, "filter.and:"),
        ({"or": [{}]}, "filter.or[0]:"),
        ({"and": [{"tags": "a"}, None]}, "filter.and[1]:"),
        ({"and": [{"tags": "a"}], "or": [{"tags": "b"}]}, "filter:"),
        ({"and": [{"tags": "a"}], "tags": "b"}, "filter:"),
        ({"and": [{"agent_id": "x"}, {"tags": 3}]}, "filter.and[1].tags:"),
        ({"tags": ["a"]}, "filter.tags:"),
        ({"tags": {"contains": ["a"]}}, "filter.tags.contains:"),
        ({"tags": {"in": "a"}}, "filter.tags.in:"),
        ({"tags": {"in": []}}, "filter.tags.in:"),
        ({"tags": {"in": ["a", 3]}}, "filter.tags.in[1]:"),
        ({"and": [{"agent_id": {"in": []}}]}, "filter.and[0].agent_id.in:"),
        ({"app_id": {"in": ["a"] * 101}}, "filter.app_id.in:"),
        ({"scene": {"in": []}}, "filter.scene.in:"),
        ({"scene": {"in": [None]}}, "filter.scene.in[0]:"),
        ({"scene": {"contains": 3}}, "filter.scene.contains:"),
        ({"create_time": {"in": ["2025-12-10"]}}, "filter.create_time:"),
        ({"related_id": []}, "filter.related_id:"),
        ({"related_id": ["a", ""]}, "filter.related_id[1]:"),
        ({"related_id": {"in": []}}, "filter.related_id.in:"),
        ({"related_id": {"contains": "a"}}, "filter.related_id:"),
        ({"tags": {"contains": "a", "gt": "b"}}, "filter.tags:"),
        ({"tags": ""}, "filter.tags:"),
        ({"agent_id": {"contains": "x"}}, "filter.agent_id:"),
        ({"agent_id": ""}, "filter.agent_id:"),
        ({"app_id": None}, "filter.app_id:"),
        ({"conversation_id": 7}, "filter.conversation_id:"),
        ({"create_time": "2025-12-10"}, "filter.create_time:"),
        ({"create_time": {}}, "filter.create_time:"),
        ({"create_time": {"eq": "2025-12-10"}}, "filter.create_time:"),
        ({"create_time": {"gt": "yesterday"}}, "filter.create_time.gt:"),
        ({"create_time": {"gt": True}}, "filter.create_time.gt:"),
        ({"create_time": {"gt": 1.5}}, "filter.create_time.gt:"),
        ({"create_time": {"gt": 10**30}}, "filter.create_time.gt:"),
        ({"update_time": {"gt": None}}, "filter.update_time.gt:"),
        ({"user_id": "bob"}, "filter.user_id:"),
        ({"or": [{"user_id": "bob"}, {"tags": "a"}]}, "filter.or[0].user_id:"),
        ({"info": {"scene": "work"}}, "filter.info:"),
        ({"info.scene": "work"}, "filter.info.scene:"),
        ({"scene": None}, "filter.scene:"),
        ({"scene": ["work"]}, "filter.scene:"),
        ({"scene": {}}, "filter.scene:"),
        ({"scene": {"ne": 1}}, "filter.scene:"),
        ({"scene": {"gt": "a"}}, "filter.scene.gt:"),
        ({"scene": {"gt": 10**400}}, "filter.scene.gt:"),
        ({"scene": float("nan")}, "filter.scene:"),
        ({"not": [{"tags": "a"}]}, "filter.not:"),
        ({"not": {}}, "filter.not:"),
        ({"not": None}, "filter.not:"),
        ({"not": {"and": []}}, "filter.not.and:"),
        ({"not": {"tags": "a"}, "tags": "b"}, "filter:"),
        ({"and": [{"not": {"or": [{"tags": "a"}, {"tags": 3}]}}]}, "filter.and[0].not.or[1].tags:"),
        ({"user": {}}, "filter.user:"),
        ({"public": {"and": []}}, "filter.public.and:"),
        ({"public": {"and": [{"tags": 3}]}}, "filter.public.and[0].tags:"),
        ({"user": {"tags": "a"}, "and": [{"tags": "a"}]}, "filter:"),
        ({"user": {"tags": "a"}, "public": "x"}, "filter:"),
        ({"user": {"gt": 3}}, "filter.user:"),
        ({"agent": {"in": ["a"]}}, "filter.agent:"),
        ({"agent": {"user_id": "bob"}}, "filter.agent.user_id:"),
        ({"knowledgebase": None}, "filter.knowledgebase:"),
    ],
)
def test_what_is_not_well_formed_is_refused_and_its_place_named(expression, place):
    with pytest.raises(FilterError) as refusal:
        parse(expression)
    assert str(refusal.value).startswith(place)


def test_one_of_a_list_is_enough_and_not_turns_everything_around():
    tree = parse({"agent_id": {"in": ["x", "y"]}})
    assert matches(tree, memory(agent_id="y"))
    assert not matches(tree, memory(agent_id="z"))
    for field, value in (("tags", "a"), ("scene", "work"), ("agent_id", "z")):
        tree = parse({"not": {field: value}})
        assert matches(tree, memory())
        assert not matches(tree, memory(tags=("a",), info={"scene": "work"}, agent_id="z"))
    assert matches(parse({"tags": {"in": ["a", "b"]}}), memory(tags=("c", "b")))
    assert not matches(parse({"scene": {"in": [1, "1"]}}), memory(info={"scene": True}))


def test_a_list_in_info_contains_its_values_and_equals_none():
    several, one = memory(info={"teams": ["red", "blue"]}), memory(info={"teams": "red"})
    assert matches(parse({"teams": {"contains": "red"}}), several)
    assert matches(parse({"teams": {"contains": "red"}}), one)
    assert not matches(parse({"teams": {"contains": "green"}}), several)
    assert not matches(parse({"teams": "red"}), several)


def test_several_operators_on_one_field_must_all_hold():
    tree = parse({"price": {"gt": 1, "in": [1, 2, 3]}})
    passing = [n for n in range(5) if matches(tree, memory(info={"price": n}))]
    assert passing == [2, 3]


def test_a_memory_is_related_to_whose_it_is_to_its_agent_and_to_who_took_part():
    said = memory(agent_id="guide", related=("alice", "bob"))
    for wanted in ("alice", "bob", "guide", ["nobody", "bob"], {"in": ["guide"]}):
        assert matches(parse({"related_id": wanted}), said)
    assert matches(parse({"related_id": "alice"}), memory())
    assert not matches(parse({"related_id": ["nobody", "bob"]}), memory())


def test_a_filter_by_source_holds_each_source_to_its_own_group_and_others_to_none():
    tree = parse({"user": {"or": [{"tags": "a"}]}, "knowledgebase": {"scene": "work"}})
    mine = memory(tags=("a",))
    assert matches(tree, mine)
    assert not matches(tree, memory())
    base = replace(mine, scope=knowledge_base("acme", "b"))
    assert not matches(tree, base)
    assert matches(tree, replace(base, labels=Labels(info={"scene": "work"})))
    assert matches(tree, replace(memory(), scope=public("acme")))
    assert matches(tree, replace(memory(), scope=Scope("acme", "guide", Holder.AGENT)))


def test_the_name_of_a_source_with_a_plain_value_is_a_key_of_info():
    assert parse({"user": "x"}) == Condition("info.user", "eq", "x")
    nested = parse({"and": [{"user": {"gt": 3}}]})
    assert nested == Group("and", (Condition("info.user", "gt", 3.0),))


def test_where_a_memory_comes_from_is_asked_beside_a_filter_and_not_in_one():
    said, noted = memory(tags=("a",)), replace(memory(tags=("a",)), sources=(BY_HAND,))
    for where in (None, parse({"tags": "a"}), parse({"user": {"or": [{"tags": "a"}]}})):
        asked = from_origins([Origin.WRITTEN], where)
        assert matches(asked, noted)
        assert not matches(asked, said)
        assert not matches(asked, replace(said, scope=public("acme")))
        both = from_origins([Origin.WRITTEN, Origin.USER], where)
        assert matches(both, said)
        assert matches(both, noted)
    assert not matches(from_origins([Origin.WRITTEN], parse({"tags": "b"})), noted)
    assert parse({"origin": "written"}) == Condition("info.origin", "eq", "written")


def test_depth_is_limited():
    expression: dict[str, object] = {"tags": "a"}
    for _ in range(MAX_DEPTH - 1):
        expression = {"and": [expression]}
    parse(expression)
    for deeper in ({"and": [expression]}, {"not": expression}):
        with pytest.raises(FilterError, match="deep"):
            parse(deeper)


def test_the_number_of_conditions_is_limited():
    parse({"or": [{"tags": "a"}] * MAX_CONDITIONS})
    with pytest.raises(FilterError, match="conditions"):
        parse({"or": [{"tags": "a"}, {f"k{i}": 1 for i in range(MAX_CONDITIONS)}]})
    with pytest.raises(FilterError, match="conditions"):
        parse({"user": {"or": [{"tags": "a"}] * MAX_CONDITIONS}, "public": {"not": {"tags": "a"}}})


def test_a_group_of_nothing_cannot_be_written():
    with pytest.raises(FilterError):
        Group("and", ())
    with pytest.raises(FilterError):
        BySource({})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ("and", "or", "not", "tags", "create_time", "gt", "in", "k", "user", "public")
                )
                | st.text(),
                inner,
                max_size=3,
            )
        ),
    )
)
def test_any_json_is_a_filter_or_a_filter_error(expression):
    try:
        tree = parse(expression)
    except FilterError:
        return
    assert matches(tree, memory()) in {True, False}
