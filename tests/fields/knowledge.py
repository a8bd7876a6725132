"""The knowledge base endpoints, field by field."""

from tests.fields.table import Bad, Endpoint

NO_BASE = Bad("none", 50120, "There is no such knowledge base.")
CREATE = Endpoint("create/knowledgebase", {"knowledgebase_name": "House"})
UNLINK = Endpoint("delete/knowledgebase", {"knowledgebase_id": "none"})
ADD_FILES = Endpoint(
    "add/knowledgebase-file",
    {"knowledgebase_id": "none", "file": [{"name": "a.txt", "content": "Dinner is at seven."}]},
)
GET_FILES = Endpoint("get/knowledgebase-file", {})
DELETE_FILES = Endpoint("delete/knowledgebase-file", {"file_ids": ["none"]})


@CREATE.field("knowledgebase_name", "Handbook", (None, 40002), ("", 40002), (7, 40000))
async def knowledgebase_name(it, good):
    """What it is called."""
    assert (await it.call("create/knowledgebase", {"knowledgebase_name": good}))["id"]


@CREATE.field("knowledgebase_description", "What holds here", ("x" * 10_001, 40000), ([], 40000))
async def knowledgebase_description(it, good):
    """What it is for."""
    asked = {"knowledgebase_name": "House", "knowledgebase_description": good}
    assert (await it.call("create/knowledgebase", asked))["id"]


@UNLINK.field("knowledgebase_id", "a base's id", NO_BASE, (None, 40002), ("", 40002))
async def unlinked_id(it, good):
    """This one goes, with its files and what was read out of them."""
    assert good
    base = await it.document("Dinner is served at seven.")
    await it.call("delete/knowledgebase", {"knowledgebase_id": base})
    await it.call("get/knowledgebase-file", {"knowledgebase_id": base}, status=404)


@ADD_FILES.field("knowledgebase_id", "a base's id", NO_BASE, (None, 40002), ("", 40002))
async def knowledgebase_id(it, good):
    """To which the files are added."""
    assert good
    base = await it.document("Dinner is served at seven.")
    assert (await it.call("get/knowledgebase-file", {"knowledgebase_id": base}))["total"] == 1


@ADD_FILES.field(
    "file",
    [{"name": "a.txt", "content": "Dinner is at seven."}],
    (None, 40002),
    ([], 40003),
    ("a.txt", 40000),
)
async def file(it, good):
    """Each of these is read."""
    base = await it.base()
    [added] = await it.call("add/knowledgebase-file", {"knowledgebase_id": base, "file": good})
    assert (added["name"], added["type"]) == ("a.txt", "document")
    assert added["sizeMB"] > 0


async def with_base(it):
    return {"knowledgebase_id": await it.base()}


async def one_file(it, **more):
    """What is shown of a file that was added so."""
    given = {"name": "a.txt", "content": "Dinner is at seven."} | more
    base = await it.base()
    [added] = await it.call("add/knowledgebase-file", {"knowledgebase_id": base, "file": [given]})
    await it.it.learned()
    told = await it.call("get/knowledgebase-file", {"file_ids": [added["id"]]})
    return base, told["file_detail_list"][0]


@ADD_FILES.field(
    "file[].name",
    "menu.md",
    ("x" * 1000, 40000),
    Bad("menu.exe", 40007, "files are PDF, DOCX, TXT, JSON, MD or XML", ready=with_base),
)
async def name(it, good):
    """Its name, whose ending says how it is read."""
    _, shown = await one_file(it, name=good, content="# Menu\n\nDinner is at seven.\n")
    assert (shown["name"], shown["status"]) == (good, "completed")


SKILL = "---\nname: Refunds\ndescription: How a refund is made\n---\n\n## Procedure\n\nAsk why.\n"


@ADD_FILES.field("file[].type", "skill", ("picture", 40006))
async def type_(it, good):
    """A document, or a skill."""
    _, shown = await one_file(it, name="refunds.md", type=good, content=SKILL)
    assert shown["type"] == good


@ADD_FILES.field("file[].content", "RGlubmVyIGlzIGF0IHNldmVuLg==", (None, 40002), ("", 40002))
async def content(it, good):
    """The file in base64, a data URI, or its text."""
    base, shown = await one_file(it, content=good)
    assert shown["status"] == "completed"
    found = await it.search("When is dinner?", knowledgebase_ids=[base])
    assert any("Dinner is at seven." in m["memory_value"] for m in found["memory_detail_list"])


@GET_FILES.field(
    "file_ids",
    ["a file's id"],
    Bad(["none"], 40001, "there are no such files"),
    ([], 40003),
    ("all", 40000),
    Bad(None, 40002, ""),
)
async def shown_ids(it, good):
    """These files are shown."""
    assert good
    _, shown = await one_file(it)
    assert shown["name"] == "a.txt"


@GET_FILES.field(
    "knowledgebase_id",
    "a base's id",
    NO_BASE,
    ("", 40002),
    Bad("x", 40000, "", {"file_ids": ["y"]}),
)
async def shown_base(it, good):
    """All files of this base are shown."""
    assert good
    base = await it.document("Dinner is served at seven.")
    told = await it.call("get/knowledgebase-file", {"knowledgebase_id": base})
    assert [each["name"] for each in told["file_detail_list"]] == ["a.txt"]


async def base_of_three(it):
    base = await it.base()
    files = [{"name": f"{n}.txt", "content": f"Room {n} is blue."} for n in range(2)]
    skill = {"name": "refunds.md", "type": "skill", "content": SKILL}
    await it.call("add/knowledgebase-file", {"knowledgebase_id": base, "file": [*files, skill]})
    return base


@GET_FILES.field("type", "skill", ("picture", 40006))
async def shown_type(it, good):
    """Of the base's files those of this type."""
    base = await base_of_three(it)
    told = await it.call("get/knowledgebase-file", {"knowledgebase_id": base, "type": good})
    assert [each["name"] for each in told["file_detail_list"]] == ["refunds.md"]


@GET_FILES.field("page", 2, (0, 40000), ("next", 40000))
async def page(it, good):
    """Which page, from 1."""
    base = await base_of_three(it)
    asked = {"knowledgebase_id": base, "page": good, "page_size": 2}
    told = await it.call("get/knowledgebase-file", asked)
    assert (told["page"], len(told["file_detail_list"])) == (good, 1)


@GET_FILES.field("page_size", 2, (0, 40000), (101, 40000))
async def page_size(it, good):
    """So many on a page."""
    base = await base_of_three(it)
    told = await it.call("get/knowledgebase-file", {"knowledgebase_id": base, "page_size": good})
    assert (told["page_size"], told["total"], len(told["file_detail_list"])) == (good, 3, 2)


@DELETE_FILES.field(
    "file_ids",
    ["a file's id"],
    Bad(["none"], 40001, "there are no such files"),
    (None, 40002),
    ([], 40003),
    ([1], 40000),
)
async def deleted_ids(it, good):
    """These go, with all that was read out of them."""
    assert good
    base, shown = await one_file(it)
    await it.call("delete/knowledgebase-file", {"file_ids": [shown["id"]]})
    assert (await it.call("get/knowledgebase-file", {"knowledgebase_id": base}))["total"] == 0
    found = await it.search("When is dinner?", knowledgebase_ids=[base])
    assert found["memory_detail_list"] == []
