"""Knowledge bases: a project's own, found by its key alone, and gone when they are deleted."""

import asyncio
from contextlib import asynccontextmanager, suppress
from itertools import product

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_registry import FakeRegistry
from gateway.adapters.fake_spool import FakeSpool
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_collections import Layout
from gateway.errors import NoSuchKnowledgeBaseError, StoreError
from gateway.memory import documents, knowledge, knowledge_deletion, knowledge_files
from gateway.memory.knowledge_files import Given, State
from gateway.memory.learning import Learner
from gateway.memory.model import (
    Holder,
    Kind,
    Memory,
    Message,
    Scope,
    Speaker,
    Status,
    Turn,
    TurnState,
    identifier,
    knowledge_base,
    project_wide,
)
from gateway.memory.ports import Selection
from gateway.memory.recall import RecallOptions
from gateway.memory.turn_log import TurnLog
from gateway.metrics import Metrics
from tests.document_files import SKILL
from tests.interleaving import Gated, interleave
from tests.qdrant_process import qdrant
from tests.served import served

shared = settings(max_examples=40, deadline=None)

pytestmark = pytest.mark.anyio


async def made(registry, project, *names):
    return [
        await knowledge.create(registry, project, name=name, description="", now=1)
        for name in names
    ]


async def test_bases_are_resolved_to_the_scopes_that_are_searched_each_once():
    registry = FakeRegistry()
    one, two = await made(registry, "acme", "one", "two")
    scopes = await knowledge.resolve(registry, "acme", [two.id, one.id, two.id])
    assert scopes == (knowledge_base("acme", two.id), knowledge_base("acme", one.id))


@pytest.mark.parametrize("everything", ["all", ["all"], ["all", "unknown"]])
async def test_all_are_all_of_the_project_and_no_other(everything):
    registry = FakeRegistry()
    one, two = await made(registry, "acme", "one", "two")
    await made(registry, "globex", "theirs")
    scopes = await knowledge.resolve(registry, "acme", everything)
    assert set(scopes) == {knowledge_base("acme", base.id) for base in (one, two)}


async def test_no_ids_are_no_bases():
    registry = FakeRegistry()
    await made(registry, "acme", "one")
    assert await knowledge.resolve(registry, "acme", []) == ()


async def test_a_base_of_another_project_is_as_unknown_as_one_that_never_was():
    registry = FakeRegistry()
    [theirs] = await made(registry, "globex", "theirs")
    [ours] = await made(registry, "acme", "ours")
    for unknown in (theirs.id, "never", ""):
        with pytest.raises(NoSuchKnowledgeBaseError, match=f"^{unknown}$"):
            await knowledge.resolve(registry, "acme", [ours.id, unknown])
        with pytest.raises(NoSuchKnowledgeBaseError):
            await knowledge.find(registry, "acme", unknown)


async def test_a_project_has_so_many_bases_and_no_more():
    registry = FakeRegistry()
    await made(registry, "acme", *map(str, range(knowledge.MOST_BASES)))
    with pytest.raises(knowledge.TooManyBasesError):
        await made(registry, "acme", "one more")
    await made(registry, "globex", "theirs")


# The endpoints


@pytest.fixture(name="it")
async def _it():
    async with served(api_keys="acme:one,globex:two") as it:
        yield it


async def call(it, path, body, *, key="one", status=200, code=0):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        url = f"{it.url}/api/openmem/v1/{path}"
        headers = {"authorization": f"Token {key}"}
        response = await client.post(url, json=body, headers=headers)
    document = response.json()
    assert set(document) == {"code", "data", "message"}
    assert (response.status_code, document["code"]) == (status, code), document
    return document["data"]


async def base_of(it, name="Handbook", **more):
    return (await call(it, "create/knowledgebase", {"knowledgebase_name": name}, **more))["id"]


async def add(it, base, *texts, **more):
    given = [{"name": f"{n}.txt", "content": text} for n, text in enumerate(texts)]
    body = {"knowledgebase_id": base, "file": given}
    return await call(it, "add/knowledgebase-file", body, **more)


async def listed(it, base, **more):
    return await call(it, "get/knowledgebase-file", {"knowledgebase_id": base} | more)


async def found(it, base, question, project="acme"):
    """What recall finds in a base, by words and by meaning."""
    also = await knowledge.resolve(it.gateway.registry, project, [base])
    options = RecallOptions(kinds=frozenset(Kind), limit=10, floor=0, also=also)
    recall = await it.gateway.recaller.search(Scope(project, "ann"), question, options)
    return [ranked.memory for ranked in recall.ranked]


async def test_a_file_is_found_by_its_words_at_once_and_is_completed_when_it_is_learned(it):
    base = await base_of(it)
    [added] = await add(it, base, "Annual leave is 30 days.")
    assert set(added) == {"id", "type", "name", "sizeMB", "status"}
    assert added["status"] in {"running", "completed"}
    [memory] = await found(it, base, "annual leave")
    assert (memory.kind, memory.speaker) == (Kind.DOCUMENT, Speaker.DOCUMENT)
    assert memory.detail == {"file": "0.txt", "type": "document", "heading": "", "page": 0}
    assert memory.sources[0].role == "document"
    await it.learned()
    page = await listed(it, base)
    assert page == {
        "total": 1,
        "page": 1,
        "page_size": 20,
        "file_detail_list": [
            {
                "id": added["id"],
                "type": "document",
                "name": "0.txt",
                "size": "0.000MB",
                "status": "completed",
            }
        ],
    }
    by_id = await call(it, "get/knowledgebase-file", {"file_ids": [added["id"], "f" * 32]})
    assert by_id["file_detail_list"] == page["file_detail_list"]
    assert by_id["total"] == 1


async def test_a_long_file_is_learned_whole_in_several_turns_and_read_back_in_order(it):
    base = await base_of(it)
    text = "\n\n".join(f"Paragraph {n}: {'word ' * 60}end {n}." for n in range(300))
    [added] = await add(it, base, text)
    await it.learned()
    [file] = await knowledge_files.find(it.gateway.registry, "acme", [added["id"]])
    assert file.turns > 1
    read: list[Memory] = []
    total = 1
    while len(read) < total:
        page, total = await knowledge_files.chunks(
            it.gateway.store, "acme", file, limit=70, offset=len(read)
        )
        read += page
    assert [m.position for m in read] == list(range(file.chunks))
    assert "\n\n".join(m.text for m in read) == text
    beyond, _ = await knowledge_files.chunks(
        it.gateway.store, "acme", file, limit=5, offset=file.chunks
    )
    assert beyond == []
    assert (await listed(it, base))["file_detail_list"][0]["status"] == "completed"


async def test_the_same_file_added_again_adds_nothing(it):
    base, other = await base_of(it), await base_of(it, "Other")
    [first] = await add(it, base, "Annual leave is 30 days.")
    await it.learned()
    [again] = await add(it, base, "Annual leave is 30 days.")
    assert (again["id"], again["status"]) == (first["id"], "completed")
    [changed] = await add(it, base, "Annual leave is 31 days.")
    [elsewhere] = await add(it, other, "Annual leave is 30 days.")
    assert len({first["id"], changed["id"], elsewhere["id"]}) == 3
    assert (await listed(it, base))["total"] == 2
    assert len(await found(it, base, "annual leave")) == 2


async def test_nothing_that_a_file_says_becomes_a_fact_or_a_preference(it):
    base = await base_of(it)
    await add(
        it, base, "My name is Ann. I live in Lisbon. I love green tea. Always answer in French."
    )
    await it.learned()
    every = Selection(kinds=frozenset(Kind))
    for scope in (knowledge_base("acme", base), Scope("acme", "ann"), project_wide("acme")):
        kept, _ = await it.gateway.store.list_memories(scope, every, limit=100)
        assert {memory.kind for memory in kept} <= {Kind.DOCUMENT}


async def test_secrets_in_a_file_are_left_out(it):
    base = await base_of(it)
    await add(it, base, "The API key is sk-proj-abcdefghijklmnopqrstuvwxyz123456.")
    [memory] = await found(it, base, "API key")
    assert "abcdefghijklm" not in memory.text
    assert "[redacted]" in memory.text


async def test_files_are_listed_page_by_page_and_by_type(it):
    base = await base_of(it)
    skill = {"name": "s.md", "type": "skill", "content": SKILL}
    await call(it, "add/knowledgebase-file", {"knowledgebase_id": base, "file": [skill]})
    await add(it, base, *(f"Text {n}." for n in range(5)))
    seen = []
    for page in (1, 2, 3):
        data = await listed(it, base, page=page, page_size=2)
        assert (data["total"], data["page"], data["page_size"]) == (6, page, 2)
        seen += [file["name"] for file in data["file_detail_list"]]
    assert sorted(seen) == [*(f"{n}.txt" for n in range(5)), "s.md"]
    skills = await listed(it, base, type="skill")
    assert [file["name"] for file in skills["file_detail_list"]] == ["s.md"]
    assert (await listed(it, base, type="document", page_size=2))["total"] == 5


async def test_what_could_not_be_read_is_failed_and_may_be_added_again(it):
    base = await base_of(it)
    body = {"knowledgebase_id": base, "file": [{"name": "x.json", "content": "{nonsense"}]}
    for _ in range(2):
        [added] = await call(it, "add/knowledgebase-file", body)
        assert added["status"] == "failed"
    assert [f["status"] for f in (await listed(it, base))["file_detail_list"]] == ["failed"]


async def test_a_file_of_which_a_part_was_given_up_is_failed_and_learned_when_it_is_added_again(it):
    base = await base_of(it)
    [added] = await add(it, base, "Annual leave is 30 days.")
    await it.learned()
    [turn] = await it.gateway.store.get_turns(knowledge_base("acme", base), added["id"], 10)
    await it.gateway.store.mark(turn.id, TurnState.PARKED, error="x")
    assert [f["status"] for f in (await listed(it, base))["file_detail_list"]] == ["failed"]
    await add(it, base, "Annual leave is 30 days.")
    await it.learned()
    assert [f["status"] for f in (await listed(it, base))["file_detail_list"]] == ["completed"]


async def test_a_file_that_is_asked_for_again_while_it_is_read_is_read_once():
    class Slow:
        def __init__(self):
            self.begun, self.go_on, self.read_times = asyncio.Event(), asyncio.Event(), 0

        async def read(self, *_):
            self.read_times += 1
            self.begun.set()
            await self.go_on.wait()
            return [documents.Chunk("Annual leave is 30 days.")]

    slow = Slow()
    async with served(api_keys="acme:one", documents=slow) as it:
        base = await base_of(it)
        first = asyncio.create_task(add(it, base, "x"))
        await slow.begun.wait()
        again = asyncio.create_task(add(it, base, "x"))
        await add(it, await base_of(it), status=400, code=40003)  # by then it has come
        assert not again.done()
        slow.go_on.set()
        assert [f["id"] for f in await first] == [f["id"] for f in await again]
        assert slow.read_times == 1
        assert (await listed(it, base))["total"] == 1


async def test_a_store_that_fails_half_way_is_told_and_the_same_again_does_the_rest():
    class Failing(FakeStore):
        left = 1

        async def put_turn(self, scope, turn):
            if scope.holder is Holder.BASE:
                self.left -= 1
                if self.left < 0:
                    raise StoreError
            await super().put_turn(scope, turn)

    store = Failing()
    async with served(api_keys="acme:one", store=store) as it:
        base = await base_of(it)
        text = "\n\n".join(f"Paragraph {n}: {'word ' * 150}end {n}." for n in range(80))
        await add(it, base, text, status=503, code=50004)
        assert [f["status"] for f in (await listed(it, base))["file_detail_list"]] == ["running"]
        store.left = 100
        [added] = await add(it, base, text)
        await it.learned()
        assert [f["status"] for f in (await listed(it, base))["file_detail_list"]] == ["completed"]
        [file] = await knowledge_files.find(it.gateway.registry, "acme", [added["id"]])
        _, total = await knowledge_files.chunks(store, "acme", file, limit=1)
        assert total == file.chunks == 80


async def test_deleting_a_file_leaves_nothing_of_it_and_all_of_the_others(it):
    base = await base_of(it)
    one, two = await add(it, base, "Annual leave is 30 days.", "Annual reports come in May.")
    await it.learned()
    ids = {"file_ids": [one["id"], "f" * 32]}
    assert await call(it, "delete/knowledgebase-file", ids) == {"success": True}
    assert [memory.text for memory in await found(it, base, "annual")] == [
        "Annual reports come in May."
    ]
    assert await it.gateway.store.get_turns(knowledge_base("acme", base), one["id"], 9) == []
    assert [f["id"] for f in (await listed(it, base))["file_detail_list"]] == [two["id"]]
    await call(it, "delete/knowledgebase-file", ids, status=404, code=40001)
    await call(it, "get/knowledgebase-file", ids, status=404, code=40001)


async def test_deleting_a_base_leaves_nothing_of_it_and_all_of_the_others(it):
    base, other = await base_of(it), await base_of(it, "Other")
    [one] = await add(it, base, "Annual leave is 30 days.")
    await add(it, other, "Annual reports come in May.")
    await it.learned()
    assert await call(it, "delete/knowledgebase", {"knowledgebase_id": base}) == {"success": True}
    scope = knowledge_base("acme", base)
    every = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
    assert await it.gateway.store.list_memories(scope, every, limit=9) == ([], 0)
    assert await it.gateway.store.list_turns(scope, limit=9) == ([], 0)
    assert len(await found(it, other, "annual")) == 1
    gone = {"knowledgebase_id": base}
    await call(it, "delete/knowledgebase", gone, status=404, code=50120)
    await call(it, "get/knowledgebase-file", gone, status=404, code=50120)
    await call(it, "get/knowledgebase-file", {"file_ids": [one["id"]]}, status=404, code=40001)
    await add(it, base, "x", status=404, code=50120)


async def test_another_projects_bases_and_files_are_as_unknown_as_those_that_never_were(it):
    base = await base_of(it)
    [file] = await add(it, base, "Annual leave is 30 days.")
    theirs = {"key": "two", "status": 404}
    for unknown in (base, "base-never"):
        await add(it, unknown, "x", code=50120, **theirs)
        body = {"knowledgebase_id": unknown}
        await call(it, "get/knowledgebase-file", body, code=50120, **theirs)
        await call(it, "delete/knowledgebase", body, code=50120, **theirs)
    for unknown in (file["id"], "f" * 32):
        await call(it, "get/knowledgebase-file", {"file_ids": [unknown]}, code=40001, **theirs)
        await call(it, "delete/knowledgebase-file", {"file_ids": [unknown]}, code=40001, **theirs)
    assert len(await found(it, base, "annual leave")) == 1
    with pytest.raises(NoSuchKnowledgeBaseError):
        await found(it, base, "annual leave", project="globex")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("create/knowledgebase", {}, 40002),
        ("create/knowledgebase", {"knowledgebase_name": ""}, 40002),
        ("create/knowledgebase", {"knowledgebase_name": 7}, 40000),
        ("create/knowledgebase", {"knowledgebase_name": "x" * 256}, 40000),
        ("delete/knowledgebase", {}, 40002),
        ("add/knowledgebase-file", {"file": [{"content": "x"}]}, 40002),
        ("add/knowledgebase-file", {"knowledgebase_id": "b", "file": []}, 40003),
        ("add/knowledgebase-file", {"knowledgebase_id": "b"}, 40002),
        ("get/knowledgebase-file", {}, 40002),
        ("get/knowledgebase-file", {"file_ids": []}, 40003),
        ("get/knowledgebase-file", {"file_ids": ["f"], "knowledgebase_id": "b"}, 40000),
        ("get/knowledgebase-file", {"knowledgebase_id": "b", "type": "book"}, 40006),
        ("get/knowledgebase-file", {"knowledgebase_id": "b", "page": 0}, 40000),
        ("delete/knowledgebase-file", {}, 40002),
        ("delete/knowledgebase-file", {"file_ids": []}, 40003),
    ],
)
async def test_what_is_wrong_with_a_request_has_its_code(it, path, body, code):
    await call(it, path, body, status=400, code=code)


async def test_a_base_beyond_the_most_is_refused(it):
    await made(it.gateway.registry, "acme", *map(str, range(knowledge.MOST_BASES)))
    body = {"knowledgebase_name": "one more"}
    await call(it, "create/knowledgebase", body, status=400, code=40000)


# On the engines


@asynccontextmanager
async def engine(kind, tmp_path):
    embedder = FakeEmbedder()
    model, dimension = embedder.model, embedder.dimension
    if kind == "edge":
        store = EdgeStore.open(tmp_path, model=model, dimension=dimension)
        yield store
        store.close()
        return
    with qdrant() as process:
        layout, client = Layout(prefix="files-"), server_client(process.url)
        server = QdrantStore(client, layout, model=model, dimension=dimension, metrics=Metrics())
        await server.start()
        yield server
        await server.aclose()


@pytest.mark.parametrize("kind", ["edge", pytest.param("server", marks=pytest.mark.process)])
async def test_a_file_is_added_recalled_read_back_and_deleted_on_each_engine(kind, tmp_path):
    async with (
        engine(kind, tmp_path) as store,
        served(api_keys="acme:one", store=store) as it,
    ):
        base = await base_of(it)
        text = "\n\n".join(f"Paragraph {n}: {'word ' * 150}end {n}." for n in range(70))
        [long, short] = await add(it, base, text, "Annual leave is 30 days.")
        async with asyncio.timeout(30):
            await it.queue.join()
        statuses = [f["status"] for f in (await listed(it, base))["file_detail_list"]]
        assert statuses == ["completed"] * 2
        [best, *_] = await found(it, base, "annual leave")
        assert best.text == "Annual leave is 30 days."
        [file] = await knowledge_files.find(it.gateway.registry, "acme", [long["id"]])
        page, total = await knowledge_files.chunks(store, "acme", file, limit=20, offset=45)
        assert ([m.position for m in page], total) == ([*range(45, 65)], 70)
        await call(it, "delete/knowledgebase-file", {"file_ids": [long["id"]]})
        assert [m.text for m in await found(it, base, "paragraph word")] == [best.text]
        await call(it, "delete/knowledgebase", {"knowledgebase_id": base})
        every = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
        scope = knowledge_base("acme", base)
        assert await store.list_memories(scope, every, limit=1) == ([], 0)
        assert await store.list_turns(scope, limit=1) == ([], 0)
        gone = {"file_ids": [short["id"]]}
        await call(it, "get/knowledgebase-file", gone, status=404, code=40001)


# Deleted while it is added or learned


class Town:
    """A store, and whoever adds, learns and deletes in it, each behind a gate."""

    def __init__(self):
        self.store = FakeStore()
        self.read = [documents.Chunk(f"Text {n}.") for n in range(documents.CHUNKS + 1)]
        self.given = Given(name="a.txt", type="document", size=1, digest="d")
        self.base = ""

    async def begin(self):
        base = await knowledge.create(self.store.registry, "acme", name="b", description="", now=1)
        self.base = base.id

    def parts(self, gate=None):
        if gate is None:
            return self.store, self.store.registry
        return Gated(self.store, gate), Gated(self.store.registry, gate)

    def learner(self, gate=None):
        store, registry = self.parts(gate)
        return Learner(
            store=store, outbox=store, embedder=FakeEmbedder(), registry=registry, clock=lambda: 5
        )

    async def add(self, gate=None):
        store, registry = self.parts(gate)
        log = TurnLog(
            learner=self.learner(gate),
            outbox=store,
            queue=Forgetful(),
            spool=FakeSpool(),
            told=print,
        )
        await knowledge_files.add(
            store,
            registry,
            log,
            project="acme",
            base_id=self.base,
            given=self.given,
            read=self.read,
            error="",
            now=5,
        )

    async def learn(self, gate=None):
        learner = self.learner(gate)
        for turn_id in await self.store.pending(created_before=10, limit=100):
            await learner.learn(turn_id)

    @property
    def file(self):
        return knowledge_files.file_id(self.base, self.given)

    async def delete_file(self, gate=None):
        store, registry = self.parts(gate)
        await knowledge_deletion.delete_file(store, registry, "acme", self.file, now=5)

    async def delete_base(self, gate=None):
        store, registry = self.parts(gate)
        await knowledge_deletion.delete_base(store, registry, "acme", self.base, now=5)

    async def is_being_deleted(self):
        deleting = knowledge_deletion.Doing.DELETING
        return any(
            [
                await knowledge_deletion.is_noted(self.store, deleting, "acme", each)
                for each in (self.file, self.base)
            ]
        )

    async def is_there(self):
        return await knowledge.is_there(self.store.registry, "acme", self.base)

    async def left(self):
        scope = knowledge_base("acme", self.base)
        every = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
        _, memories = await self.store.list_memories(scope, every, limit=1)
        _, turns = await self.store.list_turns(scope, limit=1)
        _, files = await knowledge_files.listed(self.store.registry, "acme", self.base, limit=1)
        return memories, turns, files

    async def is_whole_or_told_to_be_added_again(self):
        memories, turns, files = await self.left()
        if not files:
            assert (memories, turns) == (0, 0)
            return
        [file], _ = await knowledge_files.listed(self.store.registry, "acme", self.base, limit=1)
        much_later = 10 * knowledge_files.INTERRUPTED
        state, _ = await knowledge_files.state(self.store, "acme", file, much_later)
        assert state is (State.COMPLETED if turns == file.turns else State.FAILED)
        assert state is State.FAILED or memories == len(self.read)


async def steps_of(job):
    """How many steps it takes, with nobody beside it."""
    town = Town()
    await town.begin()
    await town.add()
    steps = 0

    def goes_on(step):
        nonlocal steps
        steps = step + 1
        return False

    await interleave([getattr(town, job)], [], killed=goes_on)
    return steps


class Forgetful:
    """A queue that loses what it is given: the ledger knows."""

    async def enqueue(self, turn_id):
        """It is learned by whoever looks into the ledger."""


@pytest.mark.parametrize("deletion", ["delete_file", "delete_base"])
@given(schedule=st.lists(st.integers(0, 1), max_size=60))
@shared
async def test_what_is_deleted_while_it_is_learned_stays_deleted(deletion, schedule):
    town = Town()
    await town.begin()
    await town.add()
    await interleave([town.learn, getattr(town, deletion)], schedule)
    assert await town.left() == (0, 0, 0)


@pytest.mark.parametrize("deletion", ["delete_file", "delete_base"])
@given(schedule=st.lists(st.integers(0, 1), max_size=60))
@shared
async def test_what_is_deleted_while_it_is_added_again_leaves_nothing_behind(deletion, schedule):
    town = Town()
    await town.begin()
    await town.add()
    await interleave([town.add, getattr(town, deletion)], schedule)
    await town.learn()
    await town.is_whole_or_told_to_be_added_again()


@pytest.mark.parametrize("deletion", ["delete_file", "delete_base"])
@pytest.mark.parametrize("first", ["adding", "deleting"])
async def test_whoever_dies_adding_or_deleting_at_any_step_beside_the_other(deletion, first):
    """One of them comes so far, then the other, and dies; the first goes on, then the sweep.

    The ledger's turns are learned as after any crash, and nobody asks for the deletion again.
    """
    most = {each: await steps_of(each) for each in ("add", deletion)}
    one, other = ("add", deletion) if first == "adding" else (deletion, "add")
    for steps, beside in product(range(most[one] + 1), range(1, most[other] + 1)):
        town = Town()
        await town.begin()
        await town.add()
        delete = getattr(town, deletion)
        jobs = [getattr(town, one), getattr(town, other)]
        schedule = [0] * steps + [1] * beside
        await interleave(jobs, schedule, killed=(steps + beside - 1).__eq__)
        noted = await town.is_being_deleted()
        files = await knowledge_files.find(town.store.registry, "acme", [town.file])
        assert not files or await town.is_there()
        await town.learn()
        assert await town.store.pending(created_before=10, limit=1) == []
        await town.is_whole_or_told_to_be_added_again()
        if noted or not await town.is_there():
            assert await town.left() == (0, 0, 0)
        with suppress(NoSuchKnowledgeBaseError):
            await delete()
        assert await town.left() == (0, 0, 0)


@pytest.mark.parametrize("deletion", ["delete_file", "delete_base"])
async def test_a_deletion_that_broke_off_is_finished_by_the_next_start(deletion):
    town = Town()
    await town.begin()
    await town.add()
    await town.learn()
    # It dies between taking the entry away and what was read.
    await interleave([getattr(town, deletion)], [], killed=(4).__eq__)
    memories, turns, _ = await town.left()
    assert memories
    assert turns
    async with served(store=town.store) as it:
        await it.learned()
    assert await town.left() == (0, 0, 0)
    assert await town.store.pending(created_before=10, limit=1) == []


@pytest.mark.parametrize("deletion", ["delete_file", "delete_base"])
async def test_what_was_recorded_too_late_is_removed_when_it_is_to_be_learned(deletion):
    """As by whoever was killed between writing a turn and looking whether its file is there."""
    town = Town()
    await town.begin()
    await town.add()
    turn = await town.store.load((await town.store.pending(created_before=10, limit=1))[0])
    assert turn is not None
    written = len(turn.messages)
    await getattr(town, deletion)()
    await town.learner().record(turn)
    assert await town.left() == (written, 1, 0)
    await town.learn()
    assert await town.left() == (0, 0, 0)


async def test_what_a_user_said_is_not_written_to_a_base_that_is_deleted():
    town = Town()
    await town.begin()
    said = Message(role="user", content="I live in Lisbon.", time=5)
    ann = Scope("acme", "ann")
    turn = Turn(
        id="t", scope=ann, conversation="c", messages=(said,), created=5, bases=(town.base,)
    )
    await town.learner().record(turn)
    await town.delete_base()
    await town.learn()
    assert await town.left() == (0, 0, 0)
    _, own = await town.store.list_memories(ann, Selection(kinds=frozenset(Kind)), limit=1)
    assert own


async def test_what_a_client_calls_a_document_is_none():
    """A message's role is its sender's word; shared with a base, it is still something said."""
    town = Town()
    await town.begin()
    extra = {"number": 0, "type": "document", "heading": "", "page": 0}
    said = (
        Message(role="document", content="Annual leave is 99 days.", time=5, extra=extra),
        Message(role="user", content="I live in Lisbon.", time=5),
    )
    turn = Turn(
        id=identifier("t"),
        scope=Scope("acme", "ann"),
        conversation="c",
        messages=said,
        created=5,
        bases=(town.base,),
    )
    await town.learner().record(turn)
    await town.learn()
    kept, _ = await town.store.list_memories(
        knowledge_base("acme", town.base), Selection(kinds=frozenset(Kind)), limit=9
    )
    assert {memory.kind for memory in kept} == {Kind.EPISODE, Kind.FACT}
    learned = await town.store.load(turn.id)
    assert learned is not None
    assert learned.state is TurnState.LEARNED
