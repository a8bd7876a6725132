"""The description as one page of HTML and CSS, which loads nothing and runs nothing."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

import orjson

from gateway.http.description.family import Schema, shared_as
from gateway.http.description.wording import is_required, kind_of, limits_of

_STYLE = """
:root { color-scheme: light dark; --line: #d5d9de; --soft: #f4f6f8; --text: #1b1f24;
  --quiet: #57606a; --accent: #0b5cad; --back: #ffffff }
@media (prefers-color-scheme: dark) { :root { --line: #343b44; --soft: #1b2129; --text: #e2e6ea;
  --quiet: #98a2ad; --accent: #78b4f0; --back: #12161b } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; display: grid; grid-template-columns: 19rem 1fr }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1rem;
  border-right: 1px solid var(--line); font-size: .875rem }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0 }
nav a { display: block; padding: .15rem 0; overflow-wrap: anywhere }
main { padding: 1rem 2rem 4rem; max-width: 64rem; min-width: 0 }
a { color: var(--accent); text-decoration: none } a:hover, a:focus { text-decoration: underline }
h2 { margin-top: 3rem; padding-top: 1rem; border-top: 2px solid var(--line) }
h3 { margin-top: 2.5rem; overflow-wrap: anywhere } h4 { margin-bottom: .25rem }
code, pre { font: .875em/1.45 ui-monospace, monospace } code { background: var(--soft) }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: .25rem }
pre code { background: none; font-size: 1em }
table { border-collapse: collapse; width: 100%; font-size: .9rem; display: block;
  overflow-x: auto }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0;
  border-bottom: 1px solid var(--line) } td:last-child { min-width: 14rem }
.method { font: bold .75em ui-monospace, monospace; color: var(--accent) }
.quiet { color: var(--quiet) }
@media (max-width: 50rem) { body { display: block } nav { position: static; height: auto;
  border: 0 } main { padding: 1rem } }
"""
_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_CODE = re.compile(r"`([^`]+)`")
_METHODS = ("get", "post", "put", "patch", "delete")


def page(document: Mapping[str, Any]) -> str:
    """The whole page of an OpenAPI document."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    groups = {
        tag["name"]: (tag["description"], list(_of(document, tag))) for tag in document["tags"]
    }
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f'<nav aria-label="Contents">{"".join(_contents(groups))}</nav>'
        f"<main><h1>{title}</h1>{_prose(document['info']['description'])}"
        '<p><a href="/openapi.json">openapi.json</a></p>'
        f"{''.join(_group(document, name, *group) for name, group in groups.items())}"
        f'<h2 id="schemas">Schemas</h2>{"".join(_schemas(document))}'
        "</main></body></html>"
    )


def _of(document: Mapping[str, Any], tag: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    for path, entry in document["paths"].items():
        for method in _METHODS:
            if method in entry and tag["name"] in entry[method]["tags"]:
                yield method.upper(), path, entry[method]


def _contents(groups: Mapping[str, Any]) -> Iterator[str]:
    for name, (_, operations) in groups.items():
        yield f"<strong>{escape(name)}</strong><ul>"
        for method, path, entry in operations:
            yield (
                f'<li><a href="#{entry["operationId"]}"><span class="method">{method}</span>'
                f" {escape(path)}</a></li>"
            )
        yield "</ul>"
    yield '<a href="#schemas">Schemas</a>'


def _group(
    document: Mapping[str, Any], name: str, about: str, operations: list[tuple[str, str, Any]]
) -> str:
    every = "".join("".join(_operation(document, *each)) for each in operations)
    refusals = _refusals(document, name)
    return f"<section><h2>{escape(name)}</h2>{_prose(about)}{refusals}{every}</section>"


def _refusals(document: Mapping[str, Any], group: str) -> str:
    """What all operations of a group may be refused with, where they share it."""
    begins = f"{shared_as(group)}-"
    shared = {
        name.removeprefix(begins): response
        for name, response in document["components"]["responses"].items()
        if name.startswith(begins)
    }
    if not shared:
        return ""
    return f'<h3 id="{begins}refusals">Refusals</h3>{"".join(_answers(shared))}'


def _answers(responses: Mapping[str, Any]) -> Iterator[str]:
    yield "<table><tr><th>status<th>body<th>meaning</tr>"
    for status, response in responses.items():
        bodies = ", ".join(
            f"<code>{escape(kind)}</code> {_answer(content.get('schema', {}))}"
            for kind, content in response.get("content", {}).items()
        )
        yield f"<tr><td>{status}<td>{bodies}<td>{_inline(response['description'])}</tr>"
    yield "</table>"


def _answer(schema: Schema) -> str:
    """What an answer is: what is in the envelope, where there is one."""
    data = schema.get("properties", {}).get("data")
    if data is None or "$ref" in schema:
        return _kind(schema)
    return f"with <code>data</code>: {_kind(data)}"


def _operation(
    document: Mapping[str, Any], method: str, path: str, entry: Mapping[str, Any]
) -> Iterator[str]:
    yield (
        f'<article id="{entry["operationId"]}"><h3><span class="method">{method}</span>'
        f" <code>{escape(path)}</code></h3>{_prose(entry['summary'])}"
        f"{_prose(entry.get('description', ''))}"
    )
    parameters = {
        parameter["name"]: (
            {**parameter["schema"], "description": parameter.get("description", "")},
            parameter.get("required", False),
        )
        for parameter in entry.get("parameters", ())
    }
    if parameters:
        yield f"<h4>Parameters</h4>{_table(parameters)}"
    for kind, content in entry.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        named = _kind(schema) if "$ref" in schema else ""
        yield f"<h4>Body <code>{escape(kind)}</code> {named}</h4>"
        yield _shape(_resolved(document, schema))
        yield from _examples(content)
    own = {status: each for status, each in entry["responses"].items() if "$ref" not in each}
    yield "<h4>Answers</h4>"
    yield from _answers(own)
    for response in own.values():
        for header, about in response.get("headers", {}).items():
            yield f"<p><code>{escape(header)}</code>: {_inline(about['description'])}</p>"
    if len(own) < len(entry["responses"]):
        group = shared_as(entry["tags"][0])
        yield f'<p>Or a <a href="#{group}-refusals">refusal</a>.</p>'
    yield "</article>"


def _examples(content: Mapping[str, Any]) -> Iterator[str]:
    examples = {**content.get("examples", {})}
    if "example" in content:
        examples["example"] = {"summary": "Example", "value": content["example"]}
    for example in examples.values():
        written = orjson.dumps(example["value"], option=orjson.OPT_INDENT_2).decode()
        yield f'<p class="quiet">{escape(example["summary"])}</p>'
        yield f"<pre><code>{escape(written, quote=False)}</code></pre>"


def _resolved(document: Mapping[str, Any], schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _schemas(document: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        about = _prose(schema.get("description", "")) if "properties" in schema else ""
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3>{about}{_shape(schema)}'


def _shape(schema: Schema) -> str:
    if "properties" not in schema:
        return f"<p>{_kind(schema)} {_inline(schema.get('description', ''))}</p>"
    return _table(
        {name: (inner, is_required(schema, name)) for name, inner in schema["properties"].items()}
    )


def _table(fields: Mapping[str, tuple[Schema, bool]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{_kind(schema)}"
        f"<td>{'required' if required else _default(schema)}"
        f"<td>{_inline(_sentence(schema))}</tr>"
        for name, (schema, required) in fields.items()
    )
    return f"<table><tr><th>field<th>type<th>default<th>meaning</tr>{rows}</table>"


def _sentence(schema: Schema) -> str:
    return " ".join(part for part in (schema.get("description", ""), limits_of(schema)) if part)


def _default(schema: Schema) -> str:
    if schema.get("default") is None:
        return ""
    return f"<code>{escape(orjson.dumps(schema['default']).decode())}</code>"


def _kind(schema: Schema) -> str:
    return kind_of(schema, lambda name: f'<a href="#{escape(name)}">{escape(name)}</a>', escape)


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.split("\n\n") if part)


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))
