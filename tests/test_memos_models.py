"""MemOS requests are read as its clients mean them, and refused with its codes."""

import time
import warnings
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.errors import ApiError
from gateway.http.memos.adding import AddMessage
from gateway.http.memos.codes import memos_body
from gateway.http.memos.items import fact, preference
from gateway.http.memos.listing import GetMemory
from gateway.http.memos.reading import parse_body
from gateway.http.memos.searching import SearchMemory
from gateway.http.memos.times import parse_time
from gateway.memory import prompt
from gateway.memory.model import Kind, Labels, Memory, Scope, Source, Speaker

DEADLINE = 2000  # milliseconds an example; more would be a hang, not a busy machine
NOW = 1_757_664_000_000  # 2025-09-12, 08:00 UTC
HELLO = {"role": "user", "content": "Hello"}
SECRET = "hunter2-hunter2"


def added(**members):
    return parse_body(AddMessage, orjson.dumps({"user_id": "u", "messages": [HELLO]} | members))


def message(**members):
    [only] = added(messages=[HELLO | members]).messages
    return only.message(NOW, "u", group=False)


def searched(**members):
    return parse_body(SearchMemory, orjson.dumps({"user_id": "u", "query": "q"} | members))


def listed(**members):
    return parse_body(GetMemory, orjson.dumps({"user_id": "u"} | members))


def refusal(of, **members):
    """Code, field and message of the refusal."""
    with pytest.raises(ApiError) as caught:
        of(**members)
    assert caught.value.status == 400
    document = orjson.loads(memos_body(caught.value))
    assert set(document) == {"code", "data", "message"}
    assert document["data"] is None
    return document["code"], caught.value.param, document["message"]


@pytest.mark.parametrize(
    ("read", "model"), [(added, AddMessage), (searched, SearchMemory), (listed, GetMemory)]
)
def test_null_is_the_same_as_absent(read, model):
    optional = {name for name, field in model.model_fields.items() if not field.is_required()}
    optional -= {"user_id"}  # or agent_id: one of them there has to be
    assert read(**dict.fromkeys(optional)) == read()


@pytest.mark.parametrize("read", [added, searched, listed])
def test_unknown_fields_are_passed_over(read):
    assert read(source="x", internet_search=None, mode={"a": [1]}, force_stop=False) == read()


def test_null_in_a_message_is_the_same_as_absent():
    assert message(chat_time=None, role_name=None) == message()
    assert message(role="assistant", content=None).content is None


def test_what_a_message_carries_besides_is_kept():
    call = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    kept = message(role="assistant", content=None, tool_calls=call, role_id="r", role_name="Anna")
    assert kept.extra == {"tool_calls": call, "role_id": "r"}
    assert (kept.role, kept.name, kept.content) == ("assistant", "Anna", None)


def test_a_message_without_a_time_was_said_now():
    assert message().time == NOW
    assert message(chat_time=0).time == 0
    assert message(chat_time=1_600_000_000_000).time == 1_600_000_000_000
    assert message(chat_time="2025-09-12 07:00:00").time == NOW - 3_600_000


def test_a_memory_block_of_ours_is_no_part_of_a_message():
    assert message(content=prompt.block([MEMORY]) + "Hello").content == "Hello"


def test_defaults_are_those_of_the_documentation():
    assert added().async_mode
    search = searched()
    assert (search.memory_limit_number, search.preference_limit_number) == (9, 9)
    assert (search.relativity, search.include_preference) == (0.45, True)
    assert (listed().page, listed().size, listed().include_preference) == (1, 10, True)


@pytest.mark.parametrize(
    ("read", "members", "code", "param"),
    [
        (added, {"user_id": ""}, 40002, "user_id"),
        (added, {"messages": None}, 40002, "messages"),
        (added, {"messages": []}, 40003, "messages"),
        (added, {"messages": [{"content": "x"}]}, 40002, "messages.0.role"),
        (searched, {"query": ""}, 40002, "query"),
        (searched, {"query": None}, 40002, "query"),
        (added, {"user_id": "x" * 101}, 40010, "user_id"),
        (searched, {"user_id": "x" * 101}, 40010, "user_id"),
        (added, {"conversation_id": "x" * 101}, 40011, "conversation_id"),
        (searched, {"conversation_id": "x" * 101}, 40011, "conversation_id"),
        (searched, {"relativity": 1.01}, 40012, "relativity"),
        (searched, {"relativity": -0.1}, 40012, "relativity"),
        (added, {"user_id": 5}, 40000, "user_id"),
        (added, {"messages": "x"}, 40000, "messages"),
        (added, {"messages": [HELLO, None]}, 40000, "messages.1"),
        (added, {"messages": [HELLO] * 1001}, 40000, "messages"),
        (added, {"messages": [HELLO | {"role": "root"}]}, 40000, "messages.0.role"),
        (added, {"messages": [HELLO | {"chat_time": "x"}]}, 40000, "messages.0.chat_time"),
        (added, {"messages": [HELLO | {"chat_time": True}]}, 40000, "messages.0.chat_time"),
        (added, {"messages": [HELLO | {"chat_time": 2**60}]}, 40000, "messages.0.chat_time"),
        (added, {"messages": [HELLO | {"chat_time": -(2**60)}]}, 40000, "messages.0.chat_time"),
        (added, {"messages": [HELLO | {"chat_time": [1]}]}, 40000, "messages.0.chat_time"),
        (added, {"agent_id": "x" * 101}, 40000, "agent_id"),
        (added, {"tags": ["x", 1]}, 40000, "tags.1"),
        (added, {"info": []}, 40000, "info"),
        (added, {"async_mode": "perhaps"}, 40000, "async_mode"),
        (searched, {"memory_limit_number": 26}, 40000, "memory_limit_number"),
        (listed, {"page": 0}, 40000, "page"),
        (listed, {"page": 2**64 - 1}, 40000, "page"),
        (listed, {"size": 51}, 40000, "size"),
    ],
)
def test_each_problem_has_its_code_and_names_its_field(read, members, code, param):
    found, named, told = refusal(read, **members)
    assert (found, named) == (code, param)
    assert told.startswith(f"{param}: ")


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"null", b"[]", b"1", b'"x"'])
def test_a_body_that_is_no_object_is_refused(raw):
    assert refusal(lambda: parse_body(GetMemory, raw))[0] == 40000


@pytest.mark.parametrize(
    ("read", "members"),
    [
        (added, {"messages": [HELLO | {"role": SECRET}]}),
        (added, {"messages": [HELLO | {"chat_time": SECRET}]}),
        (added, {"messages": [HELLO | {"chat_time": "2023-01-01 10:00 +9999"}]}),
        (added, {"messages": [SECRET]}),
        (added, {"user_id": SECRET * 100}),
        (added, {"async_mode": SECRET}),
        (added, {"info": SECRET}),
        (searched, {"relativity": SECRET}),
        (searched, {"memory_limit_number": SECRET}),
        (listed, {"page": [SECRET]}),
    ],
)
def test_a_refusal_shows_nothing_of_what_was_sent(read, members):
    told = refusal(read, **members)[2]
    assert SECRET not in told
    assert "9999" not in told


@pytest.mark.parametrize("depth", [300, 1000])
def test_content_that_is_too_deep_is_refused_in_a_short_message(depth):
    raw = b'{"user_id":"u","messages":[{"role":"user","content":%b%b}]}'
    body = raw % (b'[{"private":' * (depth // 2), b"1" + b"}]" * (depth // 2))
    code, param, told = refusal(lambda: parse_body(AddMessage, body))
    assert (code, param) == (40000, "messages.0.content")
    assert "private" not in told


def utc(year, month, day, hour=0, minute=0, second=0, *, ahead=0):
    """Milliseconds of a time on a clock that is so many minutes ahead of UTC."""
    zone = timezone(timedelta(minutes=ahead))
    moment = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return round(moment.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-09-12 08:00:00", utc(2025, 9, 12, 8)),
        ("2025-09-12", utc(2025, 9, 12)),
        ("2025-09-12T08:00:00", utc(2025, 9, 12, 8)),
        ("2025-09-12T08:00:00Z", utc(2025, 9, 12, 8)),
        ("2025-09-12T08:00:00.250Z", utc(2025, 9, 12, 8) + 250),
        ("2025-09-12T08:00:00+08:00", utc(2025, 9, 12, 8, ahead=480)),
        ("2025-09-12T08:00:00-0330", utc(2025, 9, 12, 8, ahead=-210)),
        ("20250912T080000Z", utc(2025, 9, 12, 8)),
        ("2025/09/12 08:00", utc(2025, 9, 12, 8)),
        ("2023/05/20 (Sat) 02:21", utc(2023, 5, 20, 2, 21)),
        ("1:56 pm on 8 May, 2023", utc(2023, 5, 8, 13, 56)),
        ("09:44 AM on 10 December, 2025 UTC", utc(2025, 12, 10, 9, 44)),
        ("September 12th, 2025 at 8am", utc(2025, 9, 12, 8)),
        ("Fri, 12 Sep 2025 08:00:00 GMT", utc(2025, 9, 12, 8)),
        ("Fri Sep 12 08:00:00 2025", utc(2025, 9, 12, 8)),
        (
            "Fri Sep 12 2025 08:00:00 GMT+0200 (Central European Summer Time)",
            utc(2025, 9, 12, 8, ahead=120),
        ),
        ("2025-09-12 08:00 UTC-03:00", utc(2025, 9, 12, 8, ahead=-180)),
        ("2025年9月12日 08:00", utc(2025, 9, 12, 8)),
        ("2025年09月12日08:00:30", utc(2025, 9, 12, 8, 0, 30)),
        ("2025 年 9 月 12 日", utc(2025, 9, 12)),
        ("2024-02-29", utc(2024, 2, 29)),
    ],
)
def test_a_time_is_read_in_any_usual_form(text, expected):
    assert parse_time(text) == expected


@pytest.fixture
def far_east(monkeypatch):
    """A machine whose clock is eight hours ahead of UTC, in a zone that it calls CST."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CST-8")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_a_time_means_the_same_wherever_the_gateway_runs():
    assert parse_time("2025-09-12 08:00") == utc(2025, 9, 12, 8)
    with pytest.raises(ValueError, match="not a time"):
        parse_time("2025-09-12 08:00 CST")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "hello", "may", "5", "hello 5", "I have 5 apples", "x", "()", "年月日"),
        *("10:00", "2023", "May 2023", "2023-05", "8 May", "next friday", "yesterday", "now"),
        *("2023-13-45", "2023-02-30", "2025-09-12 25:00", "2025-09-12 08:61"),
        *("2023-01-01 10:00 +9999", "2023-01-01T10:00:00+25:00"),
        *("2023-01-01 10:00 CST", "2023-01-01 10:00 cst", "2025-09-12 08:00 BRST+3"),
        *("2025年9月12日 下午3点", "8 mai 2023", "2025-09-12 08:00 or so"),
    ],
)
def test_what_is_not_one_whole_moment_is_refused(text):
    with pytest.raises(ValueError, match="not a time"):
        parse_time(text)


@pytest.mark.parametrize("text", ["1" * 100_000, "1:" * 50_000, "(" * 100_000, "年" * 100_000])
def test_a_long_text_is_refused_at_once(text):
    with pytest.raises(ValueError, match="not a time"):
        parse_time(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_message_of_a_time_that_no_calendar_shows_is_refused(text):
    assert refusal(message, chat_time=text)[:2] == (40000, "messages.0.chat_time")


moments = st.datetimes(
    min_value=datetime(1000, 1, 1),  # noqa: DTZ001  hypothesis wants its bounds without a zone
    timezones=st.sampled_from([UTC]),
)


@settings(deadline=DEADLINE)
@given(moments, st.sampled_from(["T", " "]))
def test_a_time_in_iso_format_is_read_as_it_was_meant(moment, separator):
    elapsed = moment.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)
    text = moment.isoformat(separator, timespec="seconds")
    assert parse_time(text) == elapsed // timedelta(milliseconds=1)


tokens = st.one_of(
    st.sampled_from(["2025", "9", "12", "08:00", "31", "T", "Z", "am", "pm", "UTC", "May", "Fri"]),
    st.sampled_from(["+", "-", "/", ".", ",", ":", "(", ")", "年", "月", "日", "%"]),
    st.sampled_from(["1e9", "0", "inf", "-0", "99999999999", "+0800", "GMT+2", "\u0661"]),
)


@settings(max_examples=500, deadline=DEADLINE)
@given(
    st.one_of(
        st.text(max_size=30),
        st.lists(tokens, max_size=8).map(" ".join),
        st.lists(tokens, max_size=8).map("".join),
    )
)
def test_any_text_is_a_time_or_a_value_error(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            moment = parse_time(text)
        except ValueError:
            return
    assert isinstance(moment, int)


MEMORY = Memory(
    id="m",
    scope=Scope("p", "u"),
    kind=Kind.FACT,
    text="one two three four five six seven eight nine",
    speaker=Speaker.USER,
    conversation="c",
    time=NOW,
    created=NOW + 1,
    updated=NOW + 2,
    sources=(Source(role="user", content="Hi", time=NOW, conversation="c", turn="t", name="Anna"),),
    labels=Labels(tags=("a",), info={"k": 1}),
    explicit=False,
    reasoning="said so",
    confidence=0.9,
)


def test_a_fact_tells_what_it_is_when_it_was_said_and_where_it_comes_from():
    assert fact(MEMORY, 0.123456) == {
        "id": "m",
        "memory_key": "one two three four five six seven eight ...",
        "memory_value": MEMORY.text,
        "memory_type": "LongTermMemory",
        "memory_time": NOW,
        "create_time": NOW + 1,
        "update_time": NOW + 2,
        "conversation_id": "c",
        "status": "activated",
        "confidence": 0.9,
        "tags": ["a"],
        "info": {"k": 1},
        "relativity": 0.1235,
        "provenance": "personal",
        "sources": [
            {
                "role": "user",
                "role_name": "Anna",
                "content": "Hi",
                "conversation_id": "c",
                "chat_time": "2025-09-12T08:00:00+00:00",
            }
        ],
    }


def test_a_preference_says_how_it_was_told_and_a_list_has_no_scores():
    told = preference(MEMORY)
    assert told["preference_type"] == "implicit_preference"
    assert (told["preference"], told["reasoning"]) == (MEMORY.text, "said so")
    assert "relativity" not in told
