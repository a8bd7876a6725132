"""What a turn shows of tools: which were called, with what, how it went, and how each is declared.

Pure. Everything here is data from programs and models: names that are none, secrets and orders are
left out, values are cut short, and of what a tool gave back only how it failed is kept.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gateway.memory import prompt, redaction, screening
from gateway.memory.model import Message, Millis, Turn
from gateway.memory.rules import clauses
from gateway.memory.rules.sentences import own_words
from gateway.memory.tool_outcomes import Failure, failure, sentence, storable

MOST = 16  # tools of one turn
CALLS = 100  # of one turn

_ORDER = 8  # tools that are named of the order in which they were called
_ARGUMENTS = 6  # that are kept of a call
_VALUE = 40  # characters of an argument
_LONGEST = 100_000  # characters of a call's arguments, or of a declaration, that are read
_DECLARED = 4_000  # characters of a declaration that is kept whole
_DESCRIPTION = 200
_PARAMETERS = 40
_DEEPEST = 12  # levels of a declaration

_NAME = re.compile(r"[\w.:/-]{1,64}")
_OPENED = re.compile(r"<tool_schema>", re.IGNORECASE)
_CLOSED = re.compile(r"</tool_schema>", re.IGNORECASE)
_APPLICATION = frozenset({"system", "developer"})
_RESULTS = frozenset({"tool", "function"})
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One call of a tool that came to an end. `number` is the call's in its turn.

    `asked` is the user's own sentence that it was for, `order` the tools that the turn called up to
    here, `arguments` the call's, as in "city: Oslo, day: Monday". Without a `failure` it worked.
    """

    tool: str
    number: int
    time: Millis
    asked: str
    order: tuple[str, ...]
    arguments: str
    failure: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What is known of a tool's parameters: as somebody declared them, or as calls had them.

    `types` are JSON's, by parameter. `declared` is the declaration as an object with `name`,
    `description` and `parameters`, empty for a tool that was only called.
    """

    tool: str
    time: Millis
    types: Mapping[str, str]
    declared: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """All of a turn: uses in the order in which they ended, and signatures as they were met."""

    uses: tuple[Use, ...] = ()
    signatures: tuple[Signature, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools, each once: those used first, MOST at most."""
        named = (*(use.tool for use in self.uses), *(each.tool for each in self.signatures))
        return tuple(dict.fromkeys(named))[:MOST]


@dataclass(frozen=True, slots=True)
class _Call:
    id: str
    tool: str
    number: int
    arguments: Mapping[str, Any]


def shown(turn: Turn) -> Shown:
    """What the turn shows; nothing, and at no cost, for one without tools."""
    if not any(m.role in _RESULTS or m.role in _APPLICATION for m in turn.messages):
        return Shown()
    uses: list[Use] = []
    signatures: list[Signature] = []
    waiting: deque[_Call] = deque()
    order: list[str] = []
    asked = ""
    for message in turn.messages:
        if message.role in _APPLICATION:
            signatures += _declared(message)
        elif message.role == "user":
            asked = message.text
        elif message.role == "assistant":
            for call in _calls(message, len(order)):
                waiting.append(call)
                order.append(call.tool)
        elif message.role in _RESULTS and (answered := _answered(message, waiting)):
            waiting.remove(answered)
            uses.append(
                Use(
                    tool=answered.tool,
                    number=answered.number,
                    time=message.time,
                    asked=_asked(asked),
                    order=_in_short(order[: answered.number + 1]),
                    arguments=_arguments(answered.arguments),
                    failure=failure(message.text),
                )
            )
            if types := _types_of(answered.arguments):
                signatures.append(Signature(tool=answered.tool, time=message.time, types=types))
    return Shown(uses=tuple(uses), signatures=tuple(signatures))


def _calls(message: Message, number: int) -> Iterator[_Call]:
    """The calls that a message makes, numbered from `number` on."""
    listed = message.extra.get("tool_calls")
    given = list(listed) if isinstance(listed, list) else []
    if isinstance(message.extra.get("function_call"), Mapping):  # as it was before tool_calls
        given.append({"function": message.extra["function_call"]})
    for call in given:
        if not isinstance(call, Mapping) or number >= CALLS:
            continue
        inner = call.get("custom" if call.get("type") == "custom" else "function")
        if not isinstance(inner, Mapping) or not _is_name(inner.get("name")):
            continue
        arguments = _parsed(inner.get("arguments"))
        known = arguments if isinstance(arguments, Mapping) else {}
        yield _Call(str(call.get("id") or ""), str(inner["name"]), number, known)
        number += 1


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _parsed(text: object) -> object:
    if not isinstance(text, str) or len(text) > _LONGEST:
        return text if isinstance(text, Mapping) else None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _answered(message: Message, waiting: deque[_Call]) -> _Call | None:
    """The call that a result belongs to: the one it names, or else the first that waits."""
    named = message.extra.get("tool_call_id")
    if isinstance(named, str) and named:
        return next((call for call in waiting if call.id == named), None)
    if message.name:
        return next((call for call in waiting if call.tool == message.name), None)
    return waiting[0] if waiting else None


@lru_cache(1)  # an agent's calls are mostly for one message
def _asked(text: str) -> str:
    """What a user asks: their own question, or the first thing that they say themselves."""
    words = own_words(prompt.strip(text))
    sentences = words.sentences
    chosen = next((each for each in sentences if clauses.asks(each)), next(iter(sentences), ""))
    return sentence(words.reveal(chosen))


def _in_short(order: list[str]) -> tuple[str, ...]:
    """The latest tools of an order, one that is called again and again named once."""
    runs = [name for at, name in enumerate(order) if not at or order[at - 1] != name]
    return tuple(runs[-_ORDER:])


def _arguments(arguments: Mapping[str, Any]) -> str:
    told = (_argument(name, value) for name, value in arguments.items() if _is_name(name))
    return ", ".join([each for each in told if each][:_ARGUMENTS])


def _argument(name: str, value: object) -> str:
    """An argument by its name and, where it is short and harmless, its value."""
    if isinstance(value, bool) or value is None:
        return f"{name}: {json.dumps(value)}"
    if not isinstance(value, str | int | float):
        return name
    text = screening.neutralise(storable(str(value)[: 4 * _VALUE]))
    told = redaction.redact(f"{name}: {text}")
    if redaction.REDACTED in told or screening.commands(text):
        return name
    cut = told[: len(name) + 2 + _VALUE]
    return told if cut == told else f"{cut.rstrip()}…"


def _types_of(arguments: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: _TYPES.get(type(value), "object")
        for name, value in list(arguments.items())[:_PARAMETERS]
        if _is_name(name) and value is not None
    }


def _declared(message: Message) -> Iterator[Signature]:
    """The tools that an application's message declares between tags."""
    text, end = message.text[:_LONGEST], 0
    while opened := _OPENED.search(text, end):
        closed = _CLOSED.search(text, opened.end())
        if closed is None:
            return
        end = closed.end()
        listed = _parsed(text[opened.end() : closed.start()].strip())
        if isinstance(listed, Mapping):
            listed = listed.get("tools", [listed])
        for item in listed[:CALLS] if isinstance(listed, list) else []:
            if signature := _signature(item, message.time):
                yield signature


def _signature(item: object, time: Millis) -> Signature | None:
    given: object = item.get("function", item) if isinstance(item, Mapping) else None
    if not isinstance(given, Mapping) or not _is_name(given.get("name")):
        return None
    name = str(given["name"])
    parameters = _shallow(
        next(
            (given[key] for key in ("parameters", "inputSchema", "input_schema") if key in given),
            {},
        )
    )
    types = _declared_types(parameters)
    about = sentence(str(given.get("description") or ""), _DESCRIPTION)
    if len(json.dumps(parameters)) > _DECLARED:
        parameters = as_schema(types)
    declared = {"name": name, "description": about, "parameters": parameters}
    return Signature(tool=name, time=time, types=types, declared=declared)


def _shallow(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  a declaration's JSON
    """The same less what lies deeper than any schema that a person reads."""
    if isinstance(value, Mapping):
        return {k: _shallow(v, depth + 1) for k, v in value.items()} if depth < _DEEPEST else {}
    if isinstance(value, list):
        return [_shallow(each, depth + 1) for each in value] if depth < _DEEPEST else []
    return value


def _declared_types(parameters: object) -> dict[str, str]:
    """The types in a JSON schema of an object, or in a list of parameters with names."""
    given: list[tuple[object, object]] = []
    if isinstance(parameters, list):
        given = [(p.get("name"), p) for p in parameters if isinstance(p, Mapping)]
    elif isinstance(parameters, Mapping) and isinstance(parameters.get("properties"), Mapping):
        given = list(parameters["properties"].items())
    return {str(name): _type(of) for name, of in given[:_PARAMETERS] if _is_name(name)}


def _type(of: object) -> str:
    named = of.get("type") if isinstance(of, Mapping) else None
    return str(named) if _is_name(named) else "any"


def as_schema(types: Mapping[str, str]) -> dict[str, Any]:
    """Parameters as the JSON schema of an object."""
    return {"type": "object", "properties": {name: {"type": of} for name, of in types.items()}}
