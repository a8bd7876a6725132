"""Requests made from the models of operations, so that whoever adds one need not write them."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from gateway.http.description.examples import EXAMPLES
from gateway.http.operation import Operation

QUESTION = "What is the vault code of the lighthouse?"
_BY_NAME: Mapping[str, Any] = {
    "query": QUESTION,
    "content": "Hello there, what do you know?",
    "role": "user",
    "relativity": 0,
}


# What a model alone does not tell, by the path of the operation.
_SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "/api/openmem/v1/add/knowledgebase-file": {
        "knowledgebase_id": "",
        "file": [{"name": "codes.txt", "content": "The vault code of the lighthouse is heron."}],
    },
    "/api/openmem/v1/add/profile_template": {
        "name": "Customers",
        "metadata": {"Basic Info": {"Vault code": {"value": "heron"}}},
    },
    "/api/openmem/v1/update/memory": {"memory_id": "", "title": "Home"},
    "/v1/memories/{memory_id}": {"user": "ann", "title": "Home"},
    "/api/openmem/v1/update/profile_template": {"profile_template_id": "", "name": "Guests"},
    "/api/openmem/v1/edit/profile": {
        "user_id": "",
        "profile_template_id": "",
        "metadata": {"Basic Info": {"Colour": {"value": "green"}}},
    },
}


class Known:
    """Names and ids that a field of a request may hold, by the name of the field."""

    def __init__(self, **names: str) -> None:
        self._values: dict[str, list[str]] = {name: [value] for name, value in names.items()}

    def harvest(self, document: object, called: str = "") -> None:
        """Remember every id in an answer; one that is called `id` is that of what was asked for."""
        if isinstance(document, list):
            for each in document:
                self.harvest(each, called)
        elif isinstance(document, dict):
            for name, value in document.items():
                if isinstance(value, str) and value and name.endswith(("id", "_ids")):
                    self._add(f"{called}_id" if name == "id" else name, value)
                elif isinstance(value, list) and name.endswith("_ids"):
                    for each in value:
                        if isinstance(each, str):
                            self._add(name.removesuffix("s"), each)
                else:
                    self.harvest(value, called)

    def _add(self, name: str, value: str) -> None:
        values = self._values.setdefault(name, [])
        if value not in values:
            values.append(value)

    def all(self, field: str) -> list[str]:
        """The values of a field, or of a list of them; some field names have a word before them."""
        singular = field.removesuffix("s")
        found = self._values.get(singular, [])
        if not found and singular.endswith("id"):
            tails = [name for name in self._values if singular.endswith(f"_{name}")]
            heads = [name for name in self._values if name.endswith(singular)]
            found = next((self._values[name] for name in (*tails, *heads)), [])
        return found


def bodies(operation: Operation[Any], path: str, known: Known) -> Iterator[dict[str, Any]]:
    """Bodies that the operation may take, with what is known in the place of names and ids.

    First examples of them, then the least that it takes, then that with each other field that holds
    a name or an id.
    """
    schema = operation.asked.model_json_schema()
    for example in (*EXAMPLES.get(path, {}).values(), *_samples(path)):
        yield _with_known(example, known)
    least = _least(schema, schema, known)
    yield least
    for name in schema.get("properties", {}):
        if name not in least and known.all(name):
            yield least | {name: _value(name, schema["properties"][name], schema, known)}


def _samples(path: str) -> list[Mapping[str, Any]]:
    return [_SAMPLES[path]] if path in _SAMPLES else []


def placed(path: str, body: Mapping[str, Any], known: Known) -> tuple[str, dict[str, Any]]:
    """The path with its parameters filled, and what is left of the body."""
    left = dict(body)
    while "{" in path:
        before, _, rest = path.partition("{")
        name, _, after = rest.partition("}")
        name = name.partition(":")[0]
        value = left.pop(name, None) or next(iter(known.all(_of(name, before))), "x")
        path = f"{before}{value}{after}"
    return path, left


def _of(name: str, before: str) -> str:
    """What a parameter called `id` is the id of, by the path before it."""
    last = before.rstrip("/").rpartition("/")[2]
    singular = "memory" if last == "memories" else last.removesuffix("s")
    return f"{singular.replace('-', '')}_id" if name == "id" else name


def _with_known(value: Any, known: Known, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _with_known(inner, known, key) for key, inner in value.items()}
    if isinstance(value, list):
        if name.endswith("_ids") and known.all(name):
            return known.all(name)
        return [_with_known(inner, known, name) for inner in value]
    if name.endswith("id") and isinstance(value, str) and known.all(name):
        return known.all(name)[0]
    return QUESTION if name == "query" else value


def _least(schema: Mapping[str, Any], whole: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """What is required, and the one who it is about."""
    wanted = [*schema.get("required", ())]
    fields = schema.get("properties", {})
    wanted += [name for name in ("user_id", "user") if name in fields and name not in wanted]
    return {name: _value(name, fields[name], whole, known) for name in wanted if name in fields}


def _value(name: str, schema: Mapping[str, Any], whole: Mapping[str, Any], known: Known) -> Any:
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if choices:
        return _value(name, choices[0], whole, known)
    if options := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return options[0]
    match schema.get("type"):
        case "array":
            one = _value(name.removesuffix("s"), schema.get("items", {}), whole, known)
            return known.all(name) or [one]
        case "object":
            return _least(schema, whole, known)
        case "integer" | "number":
            return _BY_NAME.get(name, schema.get("minimum", 1))
        case "boolean":
            return False
    return next(iter(known.all(name)), _BY_NAME.get(name, "something"))


def is_asked(model: type[BaseModel], field: str) -> bool:
    return field in model.model_fields
