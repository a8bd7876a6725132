"""Our own API over knowledge bases: make, list, read back page by page, delete."""

import httpx
import pytest

from tests import document_files as files
from tests.served import served

pytestmark = pytest.mark.anyio


class Api:
    def __init__(self, it, key="one"):
        self.it = it
        self.key = key

    async def __call__(self, method, path="", *, expected=200, **sent):
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            response = await client.request(
                method,
                f"{self.it.url}/v1/knowledge-bases{path}",
                headers={"authorization": f"Bearer {self.key}"},
                **sent,
            )
        assert response.status_code == expected, response.text
        document = response.json()
        if expected < 400:
            return document
        assert set(document["error"]) == {"message", "type", "param", "code"}
        return document["error"]


@pytest.fixture(name="api")
async def _api():
    async with served(api_keys="acme:one,globex:two") as it:
        yield Api(it)


async def test_a_base_is_made_found_listed_and_deleted(api):
    made = await api("POST", json={"name": "Handbook", "description": "For all."})
    assert (made["object"], made["name"], made["description"]) == (
        "knowledge_base",
        "Handbook",
        "For all.",
    )
    other = await api("POST", json={"name": "Other"})
    assert await api("GET", f"/{made['id']}") == made
    pages = [await api("GET", params={"page": page, "limit": 1}) for page in (1, 2, 3)]
    assert [page["data"] for page in pages] == [[other], [made], []]
    assert [(page["total"], page["has_more"]) for page in pages] == [
        (2, True),
        (2, False),
        (2, False),
    ]
    deleted = await api("DELETE", f"/{made['id']}")
    assert deleted == {"id": made["id"], "object": "knowledge_base", "deleted": True}
    gone = await api("GET", f"/{made['id']}", expected=404)
    assert gone["code"] == "knowledge_base_not_found"
    assert (await api("GET"))["data"] == [other]


async def test_what_was_read_out_of_a_file_is_shown_page_by_page(api):
    base = (await api("POST", json={"name": "Handbook"}))["id"]
    made = files.pdf("One.", "Two.", "Three.", outline=(("All", 1),))
    added = await api("POST", f"/{base}/files", files=[("file", ("book.pdf", made))])
    assert added["object"] == "list"
    [file] = added["data"]
    assert (file["name"], file["type"], file["bytes"]) == ("book.pdf", "document", len(made))
    assert (file["knowledgebase_id"], file["chunks"], file["error"]) == (base, 3, None)
    await api.it.learned()
    read = await api("GET", f"/{base}/files/{file['id']}", params={"limit": 2})
    assert (read["status"], read["read"]["total"], read["read"]["has_more"]) == (
        "completed",
        3,
        True,
    )
    shown = [(c["number"], c["page"], c["heading"], c["content"]) for c in read["read"]["data"]]
    assert shown == [(0, 1, "All", "One."), (1, 2, "All", "Two.")]
    rest = await api("GET", f"/{base}/files/{file['id']}", params={"limit": 2, "page": 2})
    assert [c["content"] for c in rest["read"]["data"]] == ["Three."]
    assert rest["read"]["has_more"] is False


async def test_files_come_as_json_too_are_listed_and_say_why_they_failed(api):
    base = (await api("POST", json={"name": "Handbook"}))["id"]
    given = [
        {"name": "a.txt", "content": "Annual leave is 30 days."},
        {"name": "b.json", "content": "{nonsense"},
        {"name": "c.md", "type": "skill", "content": files.SKILL},
    ]
    await api("POST", f"/{base}/files", json={"files": given})
    await api.it.learned()
    listed = await api("GET", f"/{base}/files")
    told = {file["name"]: (file["status"], file["error"]) for file in listed["data"]}
    assert told == {
        "a.txt": ("completed", None),
        "b.json": ("failed", "it is not valid JSON"),
        "c.md": ("completed", None),
    }
    skills = await api("GET", f"/{base}/files", params={"type": "skill", "limit": 1})
    assert ([f["name"] for f in skills["data"]], skills["total"]) == (["c.md"], 1)
    form = {"files": [("file", ("d.md", files.SKILL.encode()))], "data": {"type": "skill"}}
    [added] = (await api("POST", f"/{base}/files", **form))["data"]
    assert added["type"] == "skill"


async def test_a_file_is_deleted_and_belongs_to_its_base_alone(api):
    base = (await api("POST", json={"name": "Handbook"}))["id"]
    other = (await api("POST", json={"name": "Other"}))["id"]
    body = {"files": [{"name": "a.txt", "content": "Annual leave is 30 days."}]}
    [file] = (await api("POST", f"/{base}/files", json=body))["data"]
    place = f"/files/{file['id']}"
    for method in ("GET", "DELETE"):
        refused = await api(method, f"/{other}{place}", expected=404)
        assert refused["code"] == "file_not_found"
    deleted = await api("DELETE", f"/{base}{place}")
    assert deleted == {"id": file["id"], "object": "knowledge_base.file", "deleted": True}
    for method in ("GET", "DELETE"):
        assert (await api(method, f"/{base}{place}", expected=404))["code"] == "file_not_found"
    assert (await api("GET", f"/{base}/files"))["total"] == 0


async def test_nothing_of_another_project_is_there(api):
    base = (await api("POST", json={"name": "Handbook"}))["id"]
    body = {"files": [{"name": "a.txt", "content": "Annual leave is 30 days."}]}
    [file] = (await api("POST", f"/{base}/files", json=body))["data"]
    theirs = Api(api.it, key="two")
    assert (await theirs("GET"))["data"] == []
    for method, path, sent in (
        ("GET", f"/{base}", {}),
        ("DELETE", f"/{base}", {}),
        ("GET", f"/{base}/files", {}),
        ("POST", f"/{base}/files", {"json": body}),
        ("GET", f"/{base}/files/{file['id']}", {}),
        ("DELETE", f"/{base}/files/{file['id']}", {}),
    ):
        refused = await theirs(method, path, expected=404, **sent)
        assert refused["code"] == "knowledge_base_not_found"
    assert (await api("GET", f"/{base}/files"))["total"] == 1


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "named"),
    [
        ("POST", "", {"json": {}}, 400, "name"),
        ("POST", "", {"json": {"name": "x", "colour": "red"}}, 400, "colour"),
        ("GET", "", {"params": {"limit": 101}}, 400, "limit"),
        ("POST", "/{base}/files", {"json": {"files": []}}, 400, "files"),
        ("POST", "/{base}/files", {"json": {"files": [{"content": ""}]}}, 400, "files.0.content"),
        ("POST", "/{base}/files", {"json": {"files": [{"content": "http://x/"}]}}, 400, "content"),
        (
            "POST",
            "/{base}/files",
            {"json": {"files": [{"name": "a.doc", "content": "x"}]}},
            400,
            "name",
        ),
        ("POST", "/{base}/files", {"files": [("file", ("a.pdf", b"no PDF"))]}, 400, "content"),
        ("POST", "/{base}/files", {"files": [("file", ("a.txt", b"x" * 2000))]}, 413, "content"),
        ("POST", "/{base}/files", {"files": [("file", ("a.txt", b"x"))] * 3}, 400, "file"),
        ("GET", "/{base}/files", {"params": {"type": "book"}}, 400, "type"),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(method, path, sent, status, named):
    async with served(api_keys="acme:one", max_files=2, max_file_bytes=1000) as it:
        api = Api(it)
        base = (await api("POST", json={"name": "Handbook"}))["id"]
        refused = await api(method, path.format(base=base), expected=status, **sent)
        assert refused["param"] == named
        assert not str(refused["code"]).isdigit()
