"""Profiles keep what they are given, follow their template, and are nobody else's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.fake_registry import FakeRegistry
from gateway.http.memos.profile_items import profile_details
from gateway.memory import profiles
from gateway.memory.model import Holder, Scope
from gateway.memory.profiles import fields_of, tree_of
from tests.memos_calls import call, refused
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = {"user_id": "ann"}
BOT = {"agent_id": "bot"}
METADATA: dict[str, Any] = {
    "Basic Info": {
        "Name": {"value": "", "algorithm_updatable": False},
        "Occupation": {"value": ""},
    },
    "Service": {"Contact": {"Hours": {"value": "weekdays"}}},
}


@pytest.fixture(name="it")
async def _it():
    async with served() as it:
        yield it


@pytest.fixture(name="template")
async def _template(it):
    added = await call(
        it.url, "add/profile_template", {"name": " Customers ", "metadata": METADATA}
    )
    return added["profile_template_id"]


async def bound(it, template, *subjects):
    listed = [{**subject, "profile_template_id": template} for subject in subjects]
    return await call(it.url, "bind/profile_template", {"bind_list": listed})


async def found(it, user="ann", holder=Holder.USER):
    return await profile_details(it.gateway, Scope("default", user, holder))


async def test_a_template_is_kept_as_it_was_laid_down(it, template):
    got = await call(it.url, "get/profile_template", {"profile_template_id": template})
    it_is = got["profile_template"]
    assert (it_is["name"], it_is["project_id"], it_is["instance_count"]) == (
        "Customers",
        "default",
        0,
    )
    assert it_is["metadata"]["Basic Info"] == {
        "Name": {"value": "", "algorithm_updatable": False},
        "Occupation": {"value": "", "algorithm_updatable": True},
    }
    assert it_is["create_time"]
    assert it_is["update_time"]


async def test_a_profile_begins_with_its_template_s_values(it, template):
    assert await bound(it, template, ANN, BOT) == {"success": True}
    [profile] = await found(it)
    assert profile["profile_template_id"] == template
    assert profile["properties"]["Service"]["Contact"]["Hours"]["value"] == "weekdays"
    assert (profile["status"], profile["project_id"]) == ("activated", "default")
    [other] = await found(it, "bot", Holder.AGENT)
    assert other["id"] != profile["id"]
    got = await call(it.url, "get/profile_template", {"profile_template_id": template})
    assert got["profile_template"]["instance_count"] == 2


async def test_profiles_are_listed_with_all_that_is_remembered(it, template):
    await bound(it, template, ANN, BOT)
    listed = await call(it.url, "get/memory", ANN)
    assert listed["profile_detail_list"] == await found(it)
    assert (listed["total"], listed["pages"]) == (1, 1)
    assert (await call(it.url, "get/memory", ANN | {"page": 2}))["profile_detail_list"] == []
    views = {"include_memory_view": ["preference"]}
    assert (await call(it.url, "get/memory", ANN | views))["profile_detail_list"] == []
    theirs = await call(it.url, "get/memory", BOT)
    assert theirs["profile_detail_list"] == await found(it, "bot", Holder.AGENT)


async def test_fields_are_set_added_locked_and_taken_out_of_one_profile_alone(it, template):
    await bound(it, template, ANN, BOT)
    changes = {
        "metadata": {
            "Basic Info": {
                "Occupation": {"value": "baker", "algorithm_updatable": False},
                "Languages": {"value": ["en", "pt"]},
            }
        },
        "remove_fields": ["Service.Contact.Hours"],
    }
    edited = {**ANN, "profile_template_id": template, **changes}
    assert await call(it.url, "edit/profile", edited) == {"success": True}
    [profile] = await found(it)
    assert profile["properties"] == {
        "Basic Info": {
            "Name": {"value": "", "algorithm_updatable": False},
            "Occupation": {"value": "baker", "algorithm_updatable": False},
            "Languages": {"value": ["en", "pt"], "algorithm_updatable": True},
        }
    }
    [other] = await found(it, "bot", Holder.AGENT)
    assert "Service" in other["properties"]


async def test_binding_again_changes_nothing(it, template):
    await bound(it, template, ANN)
    edit = {**ANN, "profile_template_id": template}
    await call(it.url, "edit/profile", edit | {"metadata": {"New": {"value": 1}}})
    before = await found(it)
    await bound(it, template, ANN, ANN)
    assert await found(it) == before


async def test_profiles_follow_their_template(it, template):
    await bound(it, template, ANN)
    edit = {**ANN, "profile_template_id": template}
    own = {"Basic Info": {"Name": {"value": "Ann"}, "Occupation": {"value": "baker"}}}
    await call(it.url, "edit/profile", edit | {"metadata": own})
    laid_down = {
        "Basic Info": {
            "Name": METADATA["Basic Info"]["Name"],  # as before: it stays the profile's own
            "Occupation": {"value": "unknown"},  # changed
            "City": {"value": "Lisbon"},  # gained
        }
    }
    body = {"profile_template_id": template, "name": "Guests", "metadata": laid_down}
    updated = await call(it.url, "update/profile_template", body)
    assert updated == {"success": True, "profile_template_id": template, "updated_instances": 1}
    [profile] = await found(it)
    values = {name: each["value"] for name, each in profile["properties"]["Basic Info"].items()}
    assert values == {"Name": "Ann", "Occupation": "unknown", "City": "Lisbon"}
    assert "Service" not in profile["properties"]  # lost
    got = await call(it.url, "get/profile_template", {"profile_template_id": template})
    assert got["profile_template"]["name"] == "Guests"


async def test_deleting_a_profile_leaves_its_template_and_others(it, template):
    await bound(it, template, ANN, BOT)
    body = {**ANN, "profile_template_id": template}
    assert await call(it.url, "delete/profile", body) == {"success": True}
    assert await found(it) == []
    assert len(await found(it, "bot", Holder.AGENT)) == 1
    assert (await refused(it.url, "delete/profile", body, 404))[0] == 40001
    got = await call(it.url, "get/profile_template", {"profile_template_id": template})
    assert got["profile_template"]["instance_count"] == 1


async def test_deleting_a_template_takes_its_profiles_along(it, template):
    await bound(it, template, ANN, BOT)
    gone = await call(it.url, "delete/profile_template", {"profile_template_id": template})
    assert gone == {"success": True, "profile_template_id": template, "deleted_instances": 2}
    assert await found(it) == []
    assert await found(it, "bot", Holder.AGENT) == []
    for path in ("get", "delete"):
        body = {"profile_template_id": template}
        assert (await refused(it.url, f"{path}/profile_template", body, 404))[0] == 40001


async def test_templates_are_listed_page_by_page(it):
    for number in range(5):
        body = {"name": f"t{number}", "metadata": METADATA}
        await call(it.url, "add/profile_template", body)
    names = []
    for page in (1, 2, 3, 4):
        data = await call(it.url, "list/profile_template", {"page": page, "size": 2})
        assert (data["total"], data["pages"], data["current"], data["size"]) == (5, 3, page, 2)
        names += [each["name"] for each in data["profile_templates"]]
    assert sorted(names) == [f"t{number}" for number in range(5)]


async def test_a_project_sees_its_own_alone():
    async with served(api_keys="one:key-one,two:key-two") as it:
        body = {"name": "t", "metadata": METADATA}
        added = await call(it.url, "add/profile_template", body, key="key-one")
        theirs = {"profile_template_id": added["profile_template_id"]}
        bind = {"bind_list": [{**ANN, **theirs}]}
        for path, asked in (
            ("get/profile_template", theirs),
            ("update/profile_template", theirs | {"name": "x"}),
            ("delete/profile_template", theirs),
            ("bind/profile_template", bind),
        ):
            assert (await refused(it.url, path, asked, 404, key="key-two"))[0] == 40001
        await call(it.url, "bind/profile_template", bind, key="key-one")
        for path, asked in (
            ("edit/profile", {**ANN, **theirs, "metadata": {"A": {"value": 1}}}),
            ("delete/profile", {**ANN, **theirs}),
        ):
            assert (await refused(it.url, path, asked, 404, key="key-two"))[0] == 40001
        listed = await call(it.url, "list/profile_template", {}, key="key-two")
        assert listed["total"] == 0


async def test_one_unknown_template_among_several_binds_none(it, template):
    listed = [{**ANN, "profile_template_id": each} for each in (template, "tpl_none")]
    body = {"bind_list": listed}
    code, message = await refused(it.url, "bind/profile_template", body, 404)
    assert code == 40001
    assert "profile_template_id" in message
    assert await found(it) == []


BIND = {"profile_template_id": "t"}


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "named"),
    [
        ("bind/profile_template", {}, 400, 40002, "bind_list"),
        ("bind/profile_template", {"bind_list": []}, 400, 40003, "bind_list"),
        ("bind/profile_template", {"bind_list": [{**BIND, **ANN}] * 21}, 400, 40000, "bind_list"),
        ("bind/profile_template", {"bind_list": [BIND]}, 400, 40002, "user_id or agent_id"),
        ("bind/profile_template", {"bind_list": [{**BIND, **ANN, **BOT}]}, 400, 40000, "exclude"),
        ("bind/profile_template", {"bind_list": [ANN]}, 400, 40002, "profile_template_id"),
        ("bind/profile_template", {"bind_list": [{**BIND, "user_id": "u" * 101}]}, 400, 40010, ""),
        ("edit/profile", {**BIND, **ANN}, 400, 40002, "metadata or remove_fields"),
        ("edit/profile", {**BIND, "metadata": {"A": {"value": 1}}}, 400, 40002, "agent_id"),
        ("edit/profile", {**BIND, **ANN, "remove_fields": ["A"]}, 404, 40001, "bound"),
        ("delete/profile", {**BIND, **ANN}, 404, 40001, "bound"),
        ("delete/profile", BIND, 400, 40002, "user_id or agent_id"),
        ("add/profile_template", {"metadata": METADATA}, 400, 40002, "name"),
        ("add/profile_template", {"name": "  ", "metadata": METADATA}, 400, 40002, "name"),
        ("add/profile_template", {"name": "x"}, 400, 40002, "metadata"),
        ("add/profile_template", {"name": "x", "metadata": {}}, 400, 40003, "metadata"),
        ("add/profile_template", {"name": "x", "metadata": {"A": 1}}, 400, 40000, "metadata.A"),
        ("add/profile_template", {"name": "x", "metadata": {"A": {}}}, 400, 40000, "metadata.A"),
        (
            "add/profile_template",
            {"name": "x", "metadata": {"A": {"B": {"C": {"D": {"value": 1}}}}}},
            400,
            40000,
            "metadata.A.B.C",
        ),
        (
            "add/profile_template",
            {"name": "x", "metadata": {"A": {"value": 1, "algorithm_updatable": "yes"}}},
            400,
            40000,
            "algorithm_updatable",
        ),
        ("get/profile_template", {}, 400, 40002, "profile_template_id"),
        ("get/profile_template", BIND, 404, 40001, "profile_template_id"),
        ("list/profile_template", {"size": 101}, 400, 40000, "size"),
        ("list/profile_template", {"page": 0}, 400, 40000, "page"),
        ("update/profile_template", BIND, 400, 40002, "name or metadata"),
        ("update/profile_template", {**BIND, "name": "x"}, 404, 40001, "profile_template_id"),
        ("delete/profile_template", BIND, 404, 40001, "profile_template_id"),
    ],
)
async def test_what_is_wrong_is_told(it, path, body, status, code, named):
    found_code, message = await refused(it.url, path, body, status)
    assert found_code == code
    assert named in message


async def test_there_are_limits(it, template):
    await bound(it, template, ANN)
    edit = {**ANN, "profile_template_id": template}
    many = {f"f{n}": {"value": n} for n in range(profiles.MOST_FIELDS)}
    long_one = {"A": {"value": "x" * (profiles.LONGEST_VALUE + 1)}}
    for metadata in (many, long_one, {"n" * 101: {"value": 1}}):
        assert (await refused(it.url, "edit/profile", edit | {"metadata": metadata}, 400))[
            0
        ] == 40000


async def test_a_field_cannot_stand_where_others_are(it, template):
    await bound(it, template, ANN)
    edit = {**ANN, "profile_template_id": template, "metadata": {"Service": {"value": "x"}}}
    code, message = await refused(it.url, "edit/profile", edit, 400)
    assert code == 40000
    assert "Service" in message


async def test_forgetting_a_user_leaves_no_profile_and_no_note_of_one():
    registry, ann, bob = FakeRegistry(), Scope("p", "ann"), Scope("p", "bob")
    made = [
        await profiles.add_template(registry, "p", name=name, tree=METADATA, now=1)
        for name in ("a", "b")
    ]
    await profiles.bind(registry, [(ann, made[0]), (ann, made[1]), (bob, made[0])], now=2)
    assert await profiles.forget(registry, ann) == 2
    assert await profiles.forget(registry, ann) == 0
    assert await profiles.listed(registry, ann) == []
    assert len(await profiles.listed(registry, bob)) == 1
    found = [await profiles.template(registry, "p", each) for each in made]
    assert [each.instances for each in found] == [1, 0]


async def test_a_template_of_many_profiles_reaches_them_all():
    registry = FakeRegistry()
    made = await profiles.add_template(registry, "p", name="t", tree=METADATA, now=1)
    users = [Scope("p", f"u{n}") for n in range(230)]
    await profiles.bind(registry, [(user, made) for user in users], now=2)
    tree = {"A": {"value": "x"}}
    count = await profiles.update_template(registry, "p", made, name=None, tree=tree, now=3)
    assert count == 230
    for user in users:
        [profile] = await profiles.listed(registry, user)
        assert profile.tree == {"A": {"value": "x", "algorithm_updatable": True}}
    assert await profiles.delete_template(registry, "p", made) == 230


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
LEAVES = st.fixed_dictionaries({"value": VALUES, "algorithm_updatable": st.booleans()})
TREES = st.dictionaries(
    NAMES.filter(lambda name: name != "value"),
    LEAVES
    | st.dictionaries(NAMES.filter(lambda name: name != "value"), LEAVES, min_size=1, max_size=3),
    max_size=4,
)


@given(TREES)
def test_fields_and_trees_are_two_ways_to_say_the_same(tree):
    assert tree_of(fields_of(tree)) == tree
