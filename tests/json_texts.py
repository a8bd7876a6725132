"""JSON as clients may write it, with any spacing, escapes, numbers, repeated keys; JSON spoiled."""

from hypothesis import strategies as st

SPACE = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n", " \n  "])

_CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters='"\\')
_PIECES = st.one_of(
    _CHARACTERS,
    st.sampled_from("{}[],: "),
    st.sampled_from([r"\"", r"\\", r"\/", r"\n", r"\u0041", r"\u005c", r"\u0022", r"\ud83d\ude00"]),
    st.sampled_from(["é", "\u2028", "\x7f", "\x85", "\U0001f600"]),
)
STRINGS = st.lists(_PIECES, max_size=6).map(lambda pieces: f'"{"".join(pieces)}"')
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0.30000000000000004", "1E5", "-0", "1.10", "1e-400", "0.0", "-1.5e+3"]),
)
SCALARS = st.one_of(STRINGS, NUMBERS, st.sampled_from(["true", "false", "null"]))


def arrays(elements):
    return _between("[", elements, "]")


def objects(keys, values):
    return _between("{", st.tuples(keys, SPACE, st.just(":"), SPACE, values).map("".join), "}")


def _between(opening, elements, closing):
    spaced = st.tuples(SPACE, elements, SPACE).map("".join)
    inside = st.one_of(SPACE, st.lists(spaced, min_size=1, max_size=5).map(",".join))
    return inside.map(lambda text: f"{opening}{text}{closing}")


KEYS = st.one_of(
    st.sampled_from(['"memory"', '"messages"', r'"mem\u006fry"', r'"\u006dessages"', '""', '"{"']),
    STRINGS,
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(arrays(inner), objects(KEYS, inner)), max_leaves=6
)
DOCUMENTS = st.tuples(SPACE, objects(KEYS, VALUES), SPACE).map(lambda text: "".join(text).encode())


def spoiled(value, junk):
    """The same JSON with junk in one place, for each place."""
    yield junk
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (value | {key: other} for other in spoiled(inner, junk))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            for other in spoiled(inner, junk):
                yield [*value[:place], other, *value[place + 1 :]]
