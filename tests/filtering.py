"""Random filters, and random things for them to let through or not."""

from hypothesis import strategies as st

from gateway.memory.model import Labels

DAY = 86_400_000
OWNER = "owner of the memories"

names = st.sampled_from(["a", "b", "é"])
keys = st.sampled_from(["k", "a.b", 'q"[]', "user", ""])
numbers = st.sampled_from([0, 1, 1.0, -0.0, 1.5, -3, 2**53, 2**53 + 1, 2**60, 1e300])
scalars = numbers | st.booleans() | st.sampled_from(["1", "true", "a", ""])
people = st.sampled_from(["a", "bob", "é", OWNER])
held = (
    scalars
    | names
    | st.lists(names, max_size=2)
    | st.sampled_from([None, [1], {"k": 1}, 10**400, float("inf")])
)
moments = st.integers(-2 * DAY, 2 * DAY) | st.sampled_from([0, 1, DAY - 1, DAY])
dates = st.sampled_from(["1970-01-01", "1970-01-02", "1969-12-31T23:59:59.9995Z"])
operators = st.sampled_from(["gt", "gte", "lt", "lte"])


def some(values):
    return st.lists(values, min_size=1, max_size=3)


def one_of(values):
    return st.fixed_dictionaries({"in": some(values)})


conditions = st.one_of(
    st.fixed_dictionaries(
        {"tags": names | one_of(names) | st.fixed_dictionaries({"contains": names})}
    ),
    st.dictionaries(
        st.sampled_from(["agent_id", "app_id", "conversation_id"]),
        names | one_of(names),
        min_size=1,
    ),
    st.fixed_dictionaries({"related_id": people | some(people) | one_of(people)}),
    st.dictionaries(
        st.sampled_from(["create_time", "update_time"]),
        st.dictionaries(operators, moments | dates, min_size=1),
        min_size=1,
    ),
    st.dictionaries(
        keys.filter(lambda key: key != "user"),
        scalars
        | one_of(scalars)
        | st.fixed_dictionaries({"contains": names})
        | st.dictionaries(operators, numbers, min_size=1),
        min_size=1,
    ),
)
groups = st.recursive(
    conditions,
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=1, max_size=3),
            min_size=1,
            max_size=1,
        )
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=6,
)
sources = st.sampled_from(["user", "agent", "public", "knowledgebase"])
expressions = groups | st.dictionaries(sources, groups, min_size=1, max_size=4)
labelled = st.builds(
    Labels,
    agent_id=names | st.just(""),
    app_id=names | st.just(""),
    tags=st.lists(names, max_size=2).map(tuple),
    info=st.dictionaries(keys, held, max_size=3),
    related=st.lists(people, max_size=2).map(tuple),
)
contents = st.lists(st.tuples(labelled, names, moments, moments), min_size=1, max_size=12)
