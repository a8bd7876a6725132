"""What the gateway answers is described, whole and true to OpenAPI, for programs and for people."""

import re
from html.parser import HTMLParser

import httpx
import pytest
from openapi_spec_validator import validate

from gateway.http.description.document import document, families
from gateway.http.description.examples import EXAMPLES
from gateway.http.description.page import page
from tests.served import served

METHODS = {"get", "post", "put", "patch", "delete"}
DESCRIBED = document()


def operations():
    for path, entry in DESCRIBED["paths"].items():
        for method in sorted(entry.keys() & METHODS):  # in one order, for workers that share them
            yield method.upper(), path, entry[method]


def test_the_document_is_valid():
    validate(DESCRIBED)


def test_every_operation_is_in_it():
    described = {(method, path) for method, path, _ in operations()}
    for family in families():
        for each in family.operations:
            path = re.sub(r"{(\w+):\w+}", r"{\1}", f"{family.prefix}{each.path}")
            assert (each.method, path) in described


@pytest.mark.anyio
async def test_everything_described_is_routed():
    async with served() as it, httpx.AsyncClient(trust_env=False) as client:
        for method, path, _ in operations():
            url = it.url + re.sub(r"{\w+}", "x", path)
            response = await client.request(method, url)
            nothing = "nothing at this address" in response.text
            assert response.status_code != 405, (method, path)
            assert not nothing, (method, path)


def test_no_two_operations_have_one_id():
    ids = [entry["operationId"] for _, _, entry in operations()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "path_and_summary", [(path, entry.get("summary")) for _, path, entry in operations()], ids=str
)
def test_every_operation_says_in_a_sentence_what_it_does(path_and_summary):
    path, summary = path_and_summary
    assert summary, path
    assert "\n" not in summary


def schemas_of(schema, seen):
    """A schema, and every one within it or that it refers to, once."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            yield from schemas_of(DESCRIBED["components"]["schemas"][name], seen)
        return
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema["items"]] if "items" in schema else []
    for each in inner:
        yield from schemas_of(each, seen)


@pytest.mark.parametrize("operation", list(operations()), ids=lambda o: f"{o[0]} {o[1]}")
def test_every_field_that_is_asked_says_what_it_is(operation):
    _, _, entry = operation
    for parameter in entry.get("parameters", ()):
        assert parameter["description"], parameter["name"]
    for kind, content in entry.get("requestBody", {}).get("content", {}).items():
        for schema in schemas_of(content.get("schema", {}), set()):
            for name, field in schema.get("properties", {}).items():
                assert field.get("description"), (kind, name)


def test_every_body_has_an_example():
    for method, path, entry in operations():
        body = entry.get("requestBody", {}).get("content", {}).get("application/json")
        assert body is None or body.get("examples") or body.get("example"), (method, path)


def test_every_example_is_of_an_operation_and_is_what_it_takes():
    asked = {
        re.sub(r"{(\w+):\w+}", r"{\1}", f"{family.prefix}{each.path}"): each.asked
        for family in families()
        for each in family.operations
        if each.method not in {"GET", "DELETE"}
    }
    for path, examples in EXAMPLES.items():
        for body in examples.values():
            in_path = dict.fromkeys(re.findall(r"{(\w+)}", path), "x")
            asked[path].model_validate(in_path | body)


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_both_are_served_without_a_key(path):
    async with served(api_keys="p:key") as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(it.url + path)
    assert response.status_code == 200
    if path == "/docs":
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.text == page(DESCRIBED)
    else:
        assert response.headers["content-type"] == "application/json"
        assert response.json() == DESCRIBED


class Read(HTMLParser):
    """The tags of a page, and which of them were left open."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.open = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.add(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        assert not {"src", "style", "onclick"} & attributes.keys()
        if tag not in {"meta", "tr", "td", "th"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "tr":
            assert self.open.pop() == tag


def test_the_page_loads_nothing_runs_nothing_and_links_only_to_what_is_there():
    read = Read(page(DESCRIBED))
    assert read.open == []
    assert not read.tags & {"script", "link", "img", "iframe", "form", "object"}
    assert len(read.ids) == len(set(read.ids))
    here = {link.removeprefix("#") for link in read.links if link.startswith("#")}
    assert here <= set(read.ids)
    assert {link for link in read.links if not link.startswith("#")} == {"/openapi.json"}
    assert {entry["operationId"] for _, _, entry in operations()} <= set(read.ids)


def test_nothing_in_a_description_becomes_markup():
    hostile = "<script>alert(1)</script>"
    planted = DESCRIBED | {"info": {"title": hostile, "version": "1", "description": hostile}}
    assert "<script" not in page(planted)


def test_a_field_that_may_be_absent_may_be_null():
    schemas = DESCRIBED["components"]["schemas"]
    asked = [
        each.asked.__name__
        for family in families()
        if family.name == "MemOS"
        for each in family.operations
    ]
    for name in asked:
        schema = schemas[name]
        for field, inner in schema["properties"].items():
            optional = field not in schema.get("required", ())
            anything = "anyOf" not in inner and "type" not in inner
            assert optional == ({"type": "null"} in inner.get("anyOf", ())) or anything, field
