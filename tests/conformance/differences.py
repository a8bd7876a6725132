"""What may differ between the two ways, and the search for anything that may not.

`CHANGES` is the whole list; ARCHITECTURE.md shows it, and a test holds the two together.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import orjson

from tests.conformance.parties import Outcome, Way
from tests.conformance.scenario import Scenario
from tests.conformance.wire import Ending, Headers, Request, Response, get

CHANGES = {
    "block": "The block of memories is in the request where memory is on and there are any.",
    "our member": "The body's member `memory` does not go on.",
    "our headers": (
        "`X-Memory`, `X-User-Id`, `X-Conversation-Id` and `X-Gateway-Key` do not go on, nor does"
        " any header that holds the gateway's key."
    ),
    "private headers": (
        "`Cookie`, `Expect`, `Forwarded`, `X-Forwarded-For`, `-Host`, `-Port`, `-Proto`,"
        " `X-Real-IP`, `X-OpenWebUI-*` and `X-LibreChat-*` do not go on."
    ),
    "hop by hop": (
        "`Connection` and the headers it names, `Keep-Alive`, `Proxy-*`, `TE`, `Trailer`,"
        " `Transfer-Encoding` and `Upgrade` end at the gateway, in both directions."
    ),
    "identity": "`Accept-Encoding` is `identity`: compression would hold back what is streamed.",
    "decoded": "A request's body in gzip, deflate or zstd goes on decoded.",
    "framing": (
        "`Host`, the HTTP version, the reason phrase, `Content-Length` or chunks, and where pieces"
        " begin and end belong to each connection."
    ),
    "added": (
        "The answer has `X-Gateway-Request-Id`, `Server-Timing`, `X-Memory-Status`,"
        " `X-Memory-Count`, `X-Memory-Ids` and `X-Conversation-Id` besides, and"
        " `X-Gateway-Upstream` where there are several."
    ),
    "unbuffered": (
        "A stream has `Cache-Control: no-cache` and `X-Accel-Buffering: no` where the upstream set"
        " neither, and no `Content-Length`."
    ),
    "query": "What needs no percent-encoding in a query may go on without it.",
    "spelling": (
        "A header that a request repeats goes on as one, its values joined by commas; a value in"
        " latin-1 goes on in UTF-8."
    ),
    "interim": "Interim answers (100, 102, 103) and trailers end at the gateway.",
    "error event": (
        "A stream that breaks off, stalls, or (with memory on) ends without a finish_reason gets"
        " one error event as its last."
    ),
    "done": (
        "With memory on, a stream that came to its `[DONE]`, or a response to its last event, ends"
        " in order, whatever comes after."
    ),
    "cut": "An answer that is no stream and breaks off is cut: a reset arrives as an early end.",
    "again": (
        "A request whose kept connection to the upstream closes within a second, without a byte of"
        " an answer, is sent once more, on a fresh one."
    ),
    "unframed": (
        "With memory off, a stream that has neither a length nor chunks and is reset ends in order."
    ),
    "502": "An answer that never came, or broke off before any of it was sent on, is a 502 or 504.",
}

OURS = {"x-memory", "x-user-id", "x-conversation-id", "x-gateway-key"}
PRIVATE = {
    *("cookie", "expect", "forwarded", "x-real-ip"),
    *(f"x-forwarded-{of}" for of in ("for", "host", "port", "proto")),
}
PERSONAL = {"x-openwebui-user-email", "x-openwebui-chat-id", "x-librechat-user-id"}  # for example
HOPS = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
    *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
}
MADE_ANEW = {"accept-encoding", "content-length", "host"}
DROPPED = OURS | PRIVATE
_ADDED = {
    *("x-gateway-request-id", "server-timing", "x-conversation-id"),
    *("x-memory-status", "x-memory-count", "x-memory-ids"),
}
OK = 200
_WITH_MEMORY = ("/v1/chat/completions", "/v1/responses")
_OVER = rb'"type":"response\.(?:completed|incomplete|failed|cancelled)"'
_DONE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]|" + _OVER)
_FINISHED = re.compile(rb'"finish_reason":"|data: \{"error"|"type":"error"|' + _OVER)
_UNBUFFERED = {"cache-control": "no-cache", "x-accel-buffering": "no"}


@dataclass
class Differences:
    """`explained` names entries of CHANGES; `unexplained` are sentences."""

    explained: set[str] = field(default_factory=set)
    unexplained: list[str] = field(default_factory=list)

    def differ(self, what: str, direct: object, through: object) -> None:
        if direct != through:
            self.unexplained.append(f"{what}: {_short(direct)} but through {_short(through)}")


def compare(scenario: Scenario, way: Way, direct: Outcome, through: Outcome) -> Differences:
    found = Differences()
    once, arrived = list(direct.requests), list(through.requests)
    if not direct.response.status and arrived and arrived[1:] == arrived[:-1] != []:
        found.explained.add("again")
        arrived = arrived[:1]
    found.differ("requests", len(once), len(arrived))
    for one, other in zip(once, arrived, strict=False):
        _requests(found, scenario, way, one, other)
    _responses(found, scenario, way, direct.response, through.response)
    return found


def _requests(
    found: Differences, scenario: Scenario, way: Way, direct: Request, through: Request
) -> None:
    found.differ("method", direct.method, through.method)
    _targets(found, direct.target, through.target)
    found.differ("Host", get(direct.headers, "host"), get(through.headers, "host"))
    found.differ("Accept-Encoding", ["identity"], _all(through.headers, "accept-encoding"))
    if _all(direct.headers, "accept-encoding") != ["identity"]:
        found.explained.add("identity")
    decoded = scenario.onward is not None and get(direct.headers, "content-encoding")
    named = _named_by_connection(direct.headers)
    changes = {
        **dict.fromkeys(MADE_ANEW, "framing"),
        **dict.fromkeys(HOPS | named, "hop by hop"),
        **dict.fromkeys(OURS, "our headers"),
        **dict.fromkeys(PRIVATE | PERSONAL, "private headers"),
        **({"content-encoding": "decoded"} if decoded else {}),
        "transfer-encoding": "framing",
    }
    kept = [pair for pair in direct.headers if pair[0] not in changes]
    found.explained |= {changes[name] for name, _ in direct.headers if name in changes}
    remade = MADE_ANEW | {"transfer-encoding"}
    arrived = [pair for pair in through.headers if pair[0] not in remade]
    if kept != arrived and _joined(kept) == arrived:
        found.explained.add("spelling")
    else:
        found.differ("headers", kept, arrived)
    expected = direct.body if scenario.onward is None else scenario.onward
    if scenario.onward is not None and not decoded:
        found.explained.add("our member")
    if through.body != expected:
        if way == "known" and _has_block(expected, through.body):
            found.explained.add("block")
        else:
            found.differ("body", expected, through.body)


def _targets(found: Differences, direct: str, through: str) -> None:
    (path, _, query), (other, _, arrived) = direct.partition("?"), through.partition("?")
    found.differ("path", path, other)
    if query == arrived:
        return
    if parse_qsl(query, keep_blank_values=True) == parse_qsl(arrived, keep_blank_values=True):
        found.explained.add("query")
    else:
        found.differ("query", query, arrived)


def _joined(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each header once, in UTF-8 as it looks where latin-1 is read."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        try:
            value.encode("latin-1").decode()
        except UnicodeDecodeError:
            value = value.encode().decode("latin-1")  # noqa: PLW2901
        values.setdefault(name, []).append(value)
    return [(name, ", ".join(each)) for name, each in values.items()]


def _has_block(without: bytes, body: bytes) -> bool:
    """Whether the one is the other with a block of memories in one place."""
    size = len(body) - len(without)
    if size <= 0:
        return False
    pairs = enumerate(zip(without, body, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), len(without))
    added = body[start : start + size]
    return without == body[:start] + body[start + size :] and b"memories" in added


def _responses(
    found: Differences, scenario: Scenario, way: Way, direct: Response, through: Response
) -> None:
    asked = any(name == "Expect" for name, _ in scenario.headers)
    expected = (100,) if asked else ()
    if direct.interim or direct.trailers:
        found.explained.add("interim")
    found.differ("interim answers", expected, through.interim)
    found.differ("trailers", (), through.trailers)
    streamed = get(direct.headers, "content-type").lower().startswith("text/event-stream")
    streamed = streamed and not get(direct.headers, "content-encoding")
    broken = direct.ending != "complete"
    if not direct.status or (broken and not streamed and through.status != direct.status):
        if through.status in {502, 504} and _is_error(through.body):
            found.explained.add("502")
        else:
            found.differ("status", 502, through.status)
        found.differ("ending", "complete", through.ending)
        return
    found.differ("status", direct.status, through.status)
    found.differ(
        "headers",
        _expected(found, direct, streamed=streamed),
        _without_ours(found, direct.headers, through.headers),
    )
    body, ending = _told(found, scenario, way, direct, through, streamed=streamed)
    found.differ("body", body, through.body)
    found.differ("ending", ending, through.ending)


def _told(
    found: Differences,
    scenario: Scenario,
    way: Way,
    direct: Response,
    through: Response,
    *,
    streamed: bool,
) -> tuple[bytes, Ending]:
    """The body and the ending that should arrive, given those that came directly."""
    body, broken = direct.body, direct.ending != "complete"
    framed = get(direct.headers, "content-length") or get(direct.headers, "transfer-encoding")
    if not streamed:
        if broken and direct.ending != through.ending:
            found.explained.add("cut")
            return body, "truncated"
        return body, direct.ending
    listened = way != "off" and direct.status == OK and scenario.target.startswith(_WITH_MEMORY)
    done = _DONE.search(body) is not None
    if listened and done:
        if broken:
            found.explained.add("done")
        return body, "complete"
    unfinished = listened and not _FINISHED.search(body)
    if broken or unfinished:
        whole = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
        last = through.body[len(whole) :]
        if through.body.startswith(whole) and _is_error_event(last):
            found.explained.add("error event")
            return through.body, "complete"
    if direct.ending == "reset" and not framed:
        found.explained.add("unframed")
        return body, "complete"
    return body, direct.ending


def _expected(found: Differences, direct: Response, *, streamed: bool) -> list[tuple[str, str]]:
    """The direct answer's headers as they should arrive through the gateway."""
    named = _named_by_connection(direct.headers)
    kept = []
    for name, value in direct.headers:
        if name in HOPS or name in named:
            found.explained.add("framing" if name == "transfer-encoding" else "hop by hop")
        elif name == "content-length" and streamed:
            found.explained.add("unbuffered")
        else:
            kept.append((name, value))
    if streamed:
        for name, value in _UNBUFFERED.items():
            if not _all(direct.headers, name):
                kept.append((name, value))
                found.explained.add("unbuffered")
    return kept


def _without_ours(found: Differences, direct: Headers, through: Headers) -> list[tuple[str, str]]:
    """The headers that came through, without those that the gateway adds at their end."""
    kept = list(through)
    for name in _ADDED:
        if len(_all(through, name)) > len(_all(direct, name)):
            last = max(at for at, pair in enumerate(kept) if pair[0] == name)
            del kept[last]
            found.explained.add("added")
    framing = {"transfer-encoding", "connection"}
    if not _all(direct, "content-length"):
        framing.add("content-length")
    return [pair for pair in kept if pair[0] not in framing]


def _is_error(body: bytes) -> bool:
    """Whether a body is an error of ours in OpenAI's shape."""
    try:
        error = orjson.loads(body)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False
    return set(error) == {"message", "type", "param", "code"}


def _is_error_event(data: bytes) -> bool:
    """Whether it is one event of ours, after what ends half an event of the server's."""
    led = data.lstrip(b"\n")
    event = led.removeprefix(b"event: error\n")
    return (
        len(data) - len(led) < 3
        and event.startswith(b"data: ")
        and event.endswith(b"\n\n")
        and event.count(b"\n") == 2
        and _is_error(event[6:])
    )


def _all(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key == name]


def _named_by_connection(headers: Headers) -> set[str]:
    return {
        name.strip().lower() for value in _all(headers, "connection") for name in value.split(",")
    }


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:200]} ... {text[-200:]}"
