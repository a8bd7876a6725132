"""Our own API over a user's memories: list, search, create, get, change, undo, delete, export."""

import json

import httpx
import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = {"x-user-id": "ann"}


class Api:
    def __init__(self, it) -> None:
        self.it = it

    async def __call__(
        self, method: str, path: str, body=None, *, expected=200, headers=ANN, **query
    ):
        async with httpx.AsyncClient(trust_env=False) as client:
            sent = {} if body is None else {"json": body}
            response = await client.request(
                method, f"{self.it.url}/v1/{path}", headers=headers, params=query or None, **sent
            )
        assert response.status_code == expected, response.text
        if response.headers["content-type"] == "application/x-ndjson":
            return [json.loads(line) for line in response.text.splitlines()]
        document = response.json()
        if expected >= 400:
            assert set(document) == {"error"}
            assert set(document["error"]) == {"message", "type", "param", "code"}
            return document["error"]
        return document

    async def say(self, text: str, *, user: str = "ann") -> None:
        body = {"model": "m", "messages": [{"role": "user", "content": text}]}
        await self("POST", "chat/completions", body, headers={"x-user-id": user})
        await self.it.learned()

    async def listed(self, **query) -> list[str]:
        found = await self("GET", "memories", kinds="fact,preference", **query)
        return [memory["content"] for memory in found["data"]]


@pytest.fixture(name="api")
async def _api():
    async with served() as it:
        yield Api(it)


async def test_what_is_created_is_remembered_at_once_and_read_as_the_user_would_be(api):
    made = await api("POST", "memories", {"content": "I live in Lisbon.", "tags": ["home"]})
    assert (made["object"], made["kind"], made["user"]) == ("memory", "fact", "ann")
    assert (made["content"], made["status"], made["tags"]) == (
        "I live in Lisbon.",
        "activated",
        ["home"],
    )
    assert await api("GET", f"memories/{made['id']}") == made
    wish = await api("POST", "memories", {"content": "Always answer in French."})
    assert (wish["kind"], wish["instruction"]) == ("preference", True)
    newer = await api("POST", "memories", {"content": "I live in Porto."})
    assert newer["supersedes"] == [made["id"]]
    odd = await api("POST", "memories", {"content": "Likes: tea", "kind": "preference"})
    assert odd["kind"] == "preference"
    assert await api.listed(order="asc") == [
        "Always answer in French.",
        "I live in Porto.",
        "Likes: tea",
    ]


async def test_the_same_created_twice_is_one_memory(api):
    one = await api("POST", "memories", {"content": "I live in Lisbon."})
    other = await api("POST", "memories", {"content": "I live in Lisbon."})
    assert other["id"] == one["id"]
    assert await api.listed() == ["I live in Lisbon."]


async def test_a_secret_is_not_kept_of_what_is_created_or_changed(api):
    secret = "sk-proj-" + "a1B2" * 10
    made = await api("POST", "memories", {"content": f"My key is {secret}"})
    changed = await api("PATCH", f"memories/{made['id']}", {"title": secret, "content": secret})
    assert secret not in json.dumps([made, changed])


async def test_pages_are_in_either_order_and_cover_everything_once(api):
    for number in range(7):
        await api("POST", "memories", {"content": f"I have a cat called Tom{number}."})
    for order in ("asc", "desc"):
        pages = [
            await api("GET", "memories", order=order, limit=3, page=page) for page in (1, 2, 3)
        ]
        texts = [memory["content"] for page in pages for memory in page["data"]]
        said = [memory["said_at"] for page in pages for memory in page["data"]]
        assert len(set(texts)) == len(texts) == 7
        assert said == sorted(said, reverse=order == "desc")
        assert [page["has_more"] for page in pages] == [True, True, False]
        assert {page["total"] for page in pages} == {7}
    assert (await api("GET", "memories", page=9))["data"] == []
    assert (await api("GET", "memories", page=9, order="asc"))["data"] == []


async def test_a_list_is_narrowed_by_kind_status_and_filter(api):
    home = await api("POST", "memories", {"content": "I live in Lisbon.", "tags": ["home"]})
    await api("POST", "memories", {"content": "I love green tea."})
    await api("PATCH", f"memories/{home['id']}", {"status": "archived"})
    assert await api.listed() == ["I love green tea."]
    assert await api.listed(status="archived,deleted") == ["I live in Lisbon."]
    kept = await api("GET", "memories", kinds="preference", status=["activated", "archived"])
    assert [memory["content"] for memory in kept["data"]] == ["I love green tea."]
    where = json.dumps({"and": [{"tags": {"contains": "home"}}]})
    assert await api.listed(status="archived", filter=where) == ["I live in Lisbon."]
    assert await api.listed(filter=where) == []


async def test_a_list_and_a_search_are_narrowed_by_where_memories_come_from():
    async def script(exchange):
        answer = {"role": "assistant", "content": "Lisbon has seven hills."}
        await exchange.json({"choices": [{"message": answer, "finish_reason": "stop"}]})

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        api = Api(it)
        await api.say("I live in Lisbon.")
        await api.say("I live in Rome.", user="bob")
        await api("POST", "memories", {"content": "I love green tea.", "tags": ["drinks"]})

        async def contents(**query):
            found = await api("GET", "memories", **query)
            search = {"query": "tea in Lisbon", "relevance": 0} | query
            searched = await api("POST", "memories/search", search)
            listed = [memory["content"] for memory in found["data"]]
            assert {memory["content"] for memory in searched["data"]} <= set(listed)
            assert bool(searched["data"]) == bool(listed)
            return sorted(text.rpartition("] ")[2] for text in listed)

        said = ["I live in Lisbon.", "user: I live in Lisbon."]
        answered, written = "assistant: Lisbon has seven hills.", "I love green tea."
        assert await contents(origins=["user"]) == said
        assert await contents(origins=["assistant"]) == [answered]
        assert await contents(origins=["written"]) == [written]
        assert await contents(origins=["tool"]) == []
        assert await contents(origins=["written", "assistant"]) == [written, answered]
        where = json.dumps({"tags": {"contains": "drinks"}})
        assert await api.listed(origins="written,user", filter=where) == [written]
        assert await api.listed(origins="assistant", filter=where) == []
        # What was written down and is said again comes from both.
        await api.say("I love green tea.")
        both = await api("GET", "memories", kinds="preference", origins="written")
        assert [memory["origins"] for memory in both["data"]] == [["user", "written"]]
        assert await contents(origins=["user"], kinds=["preference"]) == [written]
        refused = await api("GET", "memories", origins="elsewhere", expected=400)
        assert refused["param"] == "origins.0"


async def test_a_search_finds_what_bears_on_the_query(api):
    await api.say("I live in Lisbon.")
    await api("POST", "memories", {"content": "I love green tea."})
    asked = {"query": "green tea", "relevance": 0, "limit": 1, "kinds": ["preference"]}
    found = await api("POST", "memories/search", asked)
    assert found["status"] == "hit"
    [memory] = found["data"]
    assert memory["content"] == "I love green tea."
    assert 0 <= memory["relevance"] <= 1


async def test_a_search_says_where_a_memory_comes_from_and_not_from_whom(api):
    await api.say("I live in Lisbon.")
    shared = {
        "model": "m",
        "messages": [{"role": "user", "content": "I live in Porto."}],
        "memory": {"allow_public": True},
    }
    await api("POST", "chat/completions", shared, headers={"x-user-id": "ben-7"})
    await api.it.learned()
    found = await api("POST", "memories/search", {"query": "Who lives where?", "relevance": 0})
    told = {m["content"][-6:]: (m["user"], m["provenance"]) for m in found["data"]}
    assert told == {"isbon.": ("ann", "personal"), "Porto.": (None, "public")}
    assert "ben-7" not in json.dumps(found)


async def test_a_change_is_undone_and_its_history_tells_all_of_it(api):
    made = await api("POST", "memories", {"content": "I live in Lisbon."})
    one = f"memories/{made['id']}"
    change = {"content": "I live in Porto.", "title": "Home", "tags": ["a"], "info": {"k": 1}}
    changed = await api("PATCH", one, change)
    assert {key: changed[key] for key in change} == change
    undone = await api("POST", f"{one}/undo")
    assert (undone["content"], undone["title"], undone["tags"]) == ("I live in Lisbon.", "", [])
    history = await api("GET", f"{one}/history")
    assert history["current"] == undone
    told = [(r["content"], r["title"], r["by"]) for r in history["revisions"]]
    assert told == [
        ("I live in Lisbon.", "", "edited"),
        ("I live in Porto.", "Home", "undone"),
    ]
    assert (history["supersedes"], history["superseded_by"]) == ([], None)
    fresh = await api("POST", "memories", {"content": "I have a cat called Tom."})
    refused = await api("POST", f"memories/{fresh['id']}/undo", expected=409)
    assert refused["code"] == "nothing_to_undo"


async def test_a_superseding_shows_in_both_histories_with_its_validity(api):
    await api.say("I live in Lisbon.")
    await api.say("I live in Porto.")
    [porto] = (await api("GET", "memories", kinds="fact"))["data"]
    history = await api("GET", f"memories/{porto['id']}/history")
    [lisbon] = history["supersedes"]
    assert lisbon["content"] == "I live in Lisbon."
    assert (lisbon["status"], lisbon["valid_to"]) == ("archived", porto["valid_from"])
    back = await api("GET", f"memories/{lisbon['id']}/history")
    assert back["superseded_by"]["id"] == porto["id"]
    [source] = lisbon["sources"]
    assert (source["role"], source["content"]) == ("user", "I live in Lisbon.")
    assert source["conversation_id"]
    assert source["said_at"]


async def test_a_deleted_memory_is_gone_from_everything_that_is_searched(api):
    await api.say("I love coffee.")
    [coffee] = (await api("GET", "memories", kinds="preference"))["data"]
    gone = await api("DELETE", f"memories/{coffee['id']}")
    assert gone == {"id": coffee["id"], "object": "memory.deleted", "deleted": True}
    for call in (("GET", ""), ("DELETE", ""), ("GET", "/history"), ("POST", "/undo")):
        refused = await api(call[0], f"memories/{coffee['id']}{call[1]}", expected=404)
        assert refused["code"] == "memory_not_found"
    refused = await api("PATCH", f"memories/{coffee['id']}", {"title": "x"}, expected=404)
    everywhere = await api("GET", "memories", status="activated,archived,resolving,deleted")
    assert "coffee" not in json.dumps(everywhere)
    found = await api("POST", "memories/search", {"query": "coffee", "relevance": 0})
    assert "coffee" not in json.dumps(found["data"])


async def test_users_and_projects_have_memories_of_their_own():
    async with served(api_keys="one:key-one-key-one,two:key-two-key-two") as it:
        api = Api(it)
        auth = {"authorization": "Bearer key-one-key-one", "x-user-id": "ann"}
        made = await api("POST", "memories", {"content": "I live in Lisbon."}, headers=auth)
        one = f"memories/{made['id']}"
        strangers = [
            auth | {"x-user-id": "ben"},
            auth | {"authorization": "Bearer key-two-key-two"},
        ]
        for headers in strangers:
            for method, path, body in [
                ("GET", one, None),
                ("GET", f"{one}/history", None),
                ("POST", f"{one}/undo", {}),
                ("PATCH", one, {"content": "I live in Rome."}),
                ("DELETE", one, None),
            ]:
                await api(method, path, body, headers=headers, expected=404)
            assert (await api("GET", "memories", headers=headers))["data"] == []
        other_project = strangers[1]
        assert await api("GET", "users/ann/export", headers=other_project) == []
        await api("DELETE", "users/ann", headers=other_project)
        assert (await api("GET", one, headers=auth))["content"] == "I live in Lisbon."


async def test_the_user_is_named_by_header_query_or_body_and_is_default_without(api):
    nobody: dict[str, str] = {}
    await api("POST", "memories", {"content": "I live in Rome.", "user": "ben"}, headers=nobody)
    await api("POST", "memories", {"content": "I live in Oslo."}, headers=nobody)
    ben = await api("GET", "memories", headers=nobody, user="ben")
    assert [memory["content"] for memory in ben["data"]] == ["I live in Rome."]
    plain = await api("GET", "memories", headers=nobody)
    assert [memory["content"] for memory in plain["data"]] == ["I live in Oslo."]
    first = await api("GET", "memories", headers={"x-user-id": "ben"}, user="default")
    assert [memory["content"] for memory in first["data"]] == ["I live in Rome."]


@pytest.mark.parametrize(
    ("method", "path", "body", "param"),
    [
        ("POST", "memories", {}, "content"),
        ("POST", "memories", {"content": ""}, "content"),
        ("POST", "memories", {"content": "x" * 8001}, "content"),
        ("POST", "memories", {"content": "x", "kind": "episode"}, "kind"),
        ("POST", "memories", {"content": "x", "unknown": 1}, "unknown"),
        ("POST", "memories", {"content": "x", "tags": "a"}, "tags"),
        ("POST", "memories/search", {"query": "x", "limit": 51}, "limit"),
        ("POST", "memories/search", {"query": "x", "relevance": 2}, "relevance"),
        ("POST", "memories/search", {"query": "x", "filter": {}}, "filter"),
        ("PATCH", "memories/x", {"status": "gone"}, "status"),
        ("PATCH", "memories/x", {}, None),
        ("PATCH", "memories/x", {"title": None}, None),
        ("GET", "memories?page=0", None, "page"),
        ("GET", "memories?limit=101", None, "limit"),
        ("GET", "memories?kinds=x", None, "kinds.0"),
        ("GET", "memories?kinds=", None, "kinds"),
        ("GET", "memories?order=up", None, "order"),
        ("GET", "memories?filter={", None, "filter"),
        ("GET", "memories?sort=up", None, "sort"),
    ],
)
async def test_a_wrong_field_is_named(api, method, path, body, param):
    refused = await api(method, path, body, expected=400)
    assert refused["param"] == param
    assert refused["type"] == "invalid_request_error"


async def test_a_user_whose_id_is_too_long_is_refused(api):
    for headers in ({"x-user-id": "u" * 257}, {}):
        refused = await api("GET", "memories", headers=headers, expected=400, user="u" * 257)
        assert refused["param"] == "user"
    await api("GET", f"users/{'u' * 257}/export", expected=400)


async def test_a_body_that_is_no_object_is_refused(api):
    bodies: list[object] = [[], "x", 1]
    for body in bodies:
        await api("POST", "memories", body, expected=400)


async def test_an_export_holds_all_that_is_held_about_a_user_and_nothing_of_others(tmp_path):
    store = EdgeStore.open(tmp_path, model="fake", dimension=FakeEmbedder().dimension)
    async with served(store=store) as it:
        api = Api(it)
        await api.say("I live in Lisbon.")
        await api.say("I live in Porto.")
        await api.say("I live in Rome.", user="ben")
        held = await api("GET", "users/ann/export")
        kinds = [each["object"] for each in held]
        assert kinds.count("turn") == 2
        texts = [each["content"] for each in held if each["object"] == "memory"]
        assert {"I live in Lisbon.", "I live in Porto."} <= set(texts)
        said = [m["content"] for each in held if each["object"] == "turn" for m in each["messages"]]
        assert {"I live in Lisbon.", "I live in Porto."} <= set(said)
        assert "Rome" not in json.dumps(held)
    store.close()
