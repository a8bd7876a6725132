"""What a chat request asks of memory: headers come before the body, and the unknown is refused."""

import orjson
import pytest

from gateway.errors import FilterError
from gateway.http.errors import ApiError, openai_body
from gateway.http.options import (
    DEFAULT_USER,
    MOST_ID,
    ChatOptions,
    chat_options,
    conversation_of,
    header_mode,
    user_of,
)
from gateway.memory.filters import Condition
from gateway.memory.model import Labels


def headers(**named):
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]


def memory(**members):
    return {"model": "m", "memory": members}


def refusal(of, *arguments):
    with pytest.raises(ApiError) as caught:
        of(*arguments)
    assert caught.value.status == 400
    error = orjson.loads(openai_body(caught.value))["error"]
    assert error["type"] == "invalid_request_error"
    return error


def test_by_default_memory_is_read_and_written():
    options = chat_options([], {"model": "m"})
    assert options == ChatOptions()
    assert options.reads
    assert options.writes


@pytest.mark.parametrize(
    ("mode", "reads", "writes"),
    [("on", True, True), ("off", False, False), ("read", True, False), ("write", False, True)],
)
def test_a_mode_is_taken_from_the_header_or_the_body(mode, reads, writes):
    for options in (
        chat_options(headers(x_memory=mode), {}),
        chat_options(headers(x_memory=f" {mode.upper()} "), {}),
        chat_options([], memory(mode=mode)),
    ):
        assert (options.mode, options.reads, options.writes) == (mode, reads, writes)


def test_the_header_s_mode_wins_over_the_body_s():
    assert chat_options(headers(x_memory="read"), memory(mode="off")).mode == "read"
    assert chat_options(headers(x_memory=""), memory(mode="off")).mode == "off"
    assert chat_options(headers(x_memory="off"), memory(limit=3)).mode == "off"


@pytest.mark.parametrize("mode", ["yes", "1", "on, off", "none"])
def test_an_unknown_mode_in_the_header_is_refused_and_named(mode):
    assert refusal(header_mode, headers(x_memory=mode))["param"] == "X-Memory"
    assert refusal(chat_options, headers(x_memory=mode), {})["param"] == "X-Memory"


def test_every_member_of_memory_is_understood():
    options = chat_options(
        [],
        memory(
            mode="on",
            limit=0,
            position="system",
            filter={"agent_id": "a"},
            tags=["x", "y"],
            info={"plan": "pro", "age": 3, "ratio": 0.5, "beta": True, "teams": ["x"]},
            agent_id="a",
            app_id="b",
            knowledgebase_ids=["k", "l"],
            allow_public=True,
            allow_knowledgebase_ids=["m", "m"],
        ),
    )
    assert options == ChatOptions(
        mode="on",
        limit=0,
        position="system",
        where=Condition("agent_id", "eq", "a"),
        labels=Labels(
            agent_id="a",
            app_id="b",
            tags=("x", "y"),
            info={"plan": "pro", "age": 3, "ratio": 0.5, "beta": True, "teams": ["x"]},
        ),
        searched=("k", "l"),
        public=True,
        written=("m",),
    )
    assert [type(value) for value in options.labels.info.values()] == [str, int, float, bool, list]


def test_every_knowledge_base_may_be_searched():
    assert chat_options([], memory(knowledgebase_ids="all")).searched == ("all",)


def test_an_empty_memory_asks_for_nothing_special():
    assert chat_options([], memory()) == ChatOptions()


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"nope": 1}, "memory.nope"),
        ({"modes": "on"}, "memory.modes"),
        ({"mode": "sometimes"}, "memory.mode"),
        ({"mode": True}, "memory.mode"),
        ({"limit": -1}, "memory.limit"),
        ({"limit": 51}, "memory.limit"),
        ({"limit": "5"}, "memory.limit"),
        ({"limit": True}, "memory.limit"),
        ({"position": "end"}, "memory.position"),
        ({"tags": "x"}, "memory.tags"),
        ({"tags": ["x", 1]}, "memory.tags.1"),
        ({"tags": ["x"] * 65}, "memory.tags"),
        ({"info": {"k": {"deep": 1}}}, "memory.info.k"),
        ({"info": {"k": [1]}}, "memory.info.k"),
        ({"knowledgebase_ids": "some"}, "memory.knowledgebase_ids"),
        ({"knowledgebase_ids": [1]}, "memory.knowledgebase_ids.0"),
        ({"allow_public": "yes"}, "memory.allow_public"),
        ({"allow_knowledgebase_ids": "all"}, "memory.allow_knowledgebase_ids"),
        ({"allow_knowledgebase_ids": [1]}, "memory.allow_knowledgebase_ids.0"),
        ({"agent_id": "x" * (MOST_ID + 1)}, "memory.agent_id"),
    ],
)
def test_a_member_that_is_unknown_or_wrong_is_refused_and_named(members, param):
    error = refusal(chat_options, [], memory(**members))
    assert error["param"] == param
    assert error["message"].startswith(f"{param}: ")


@pytest.mark.parametrize("value", [None, 1, "off", [], True])
def test_a_memory_that_is_no_object_is_refused(value):
    assert refusal(chat_options, [], {"memory": value})["param"] == "memory"


@pytest.mark.parametrize("expression", [{}, {"and": []}, {"tags": {"nope": 1}}, 1])
def test_a_filter_that_is_not_right_is_refused(expression):
    with pytest.raises(FilterError):
        chat_options([], memory(filter=expression))


USER_SOURCES: list[tuple[list[tuple[bytes, bytes]], dict[str, object]]] = [
    (headers(x_user_id="header"), {}),
    (headers(x_openwebui_user_id="webui"), {}),
    (headers(x_librechat_user_id="librechat"), {}),
    ([], {"metadata": {"user_id": "metadata"}}),
    ([], {"user": "user"}),
    ([], {"safety_identifier": "safety"}),
]


@pytest.mark.parametrize("first", range(len(USER_SOURCES)))
def test_the_user_is_the_first_that_is_named(first):
    named = [(name, value) for given, _ in USER_SOURCES[first:] for name, value in given]
    body = {name: value for _, given in USER_SOURCES[first:] for name, value in given.items()}
    names = ["header", "webui", "librechat", "metadata", "user", "safety"]
    assert user_of(named, body) == names[first]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"user": "", "metadata": {"user_id": " "}},
        {"user": None, "metadata": None},
        {"user": 7, "metadata": {"user_id": ["x"]}, "safety_identifier": {}},
        {"metadata": "user_id"},
        {"metadata": ["user_id"]},
    ],
)
def test_who_names_no_user_is_the_default_one(body):
    assert user_of(headers(x_user_id=" "), body) == DEFAULT_USER


def test_the_conversation_is_the_first_that_is_named():
    body = {"metadata": {"conversation_id": "metadata"}}
    librechat = headers(x_librechat_conversation_id="librechat")
    webui = headers(x_openwebui_chat_id="webui") + librechat
    assert conversation_of(headers(x_conversation_id="header") + webui, body) == "header"
    assert conversation_of(webui, body) == "webui"
    assert conversation_of(librechat, body) == "librechat"
    assert conversation_of([], body) == "metadata"
    assert conversation_of([], {"metadata": {"conversation_id": 5}}) == ""
    assert conversation_of([], {"conversation_id": "elsewhere"}) == ""


@pytest.mark.parametrize(
    "value",
    ["{{LIBRECHAT_USER_ID}}", "${USER}", "null", "undefined", "new", "{{LIBRECHAT_BODY_X}}", ""],
)
def test_a_template_that_was_not_filled_in_names_nobody(value):
    """Taken for an id, it would put all of an application's people into one memory."""
    assert user_of(headers(x_user_id=value), {"user": "ann"}) == "ann"
    body = {"metadata": {"conversation_id": "c"}}
    assert conversation_of(headers(x_conversation_id=value), body) == "c"


def test_an_id_of_the_most_characters_is_taken_and_a_longer_one_refused():
    assert user_of([], {"user": "x" * MOST_ID}) == "x" * MOST_ID
    long = "x" * (MOST_ID + 1)
    assert refusal(user_of, [], {"user": long})["param"] == "user"
    assert refusal(user_of, headers(x_user_id=long), {})["param"] == "user"
    wrong = {"metadata": {"conversation_id": long}}
    assert refusal(conversation_of, [], wrong)["param"] == "metadata.conversation_id"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_name_beyond_ascii_is_the_same_in_a_header_and_in_the_body(encoding):
    assert user_of([(b"x-user-id", "José".encode(encoding))], {}) == user_of([], {"user": "José"})


def test_of_two_headers_of_one_name_the_first_counts():
    twice = headers(x_user_id="a") + headers(x_user_id="b")
    assert user_of(twice, {}) == "a"
