"""A memory can be changed by hand: what it was is kept, to be had back; learning respects it."""

import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.changing import Changer
from gateway.memory.decisions import Change
from gateway.memory.erasure import EVERYTHING
from gateway.memory.known import STATED
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Message, Scope, Status, Turn, TurnState, identifier
from gateway.memory.ports import Selection
from gateway.memory.recall import Recaller, RecallOptions
from tests.interleaving import Gated, interleave

pytestmark = pytest.mark.anyio

STATEMENTS = Selection(kinds=STATED)


class Remembering:
    """A store with what learns into it and what changes it; time goes on by itself."""

    def __init__(self, store, user: str = "ann") -> None:
        self.store = store
        self.scope = Scope("p", user)
        self.time = 1_000_000
        self.learner = Learner(store=store, outbox=store, embedder=FakeEmbedder(), clock=self.clock)
        self.changer = Changer(store, FakeEmbedder(), clock=self.clock)
        self.turns: list[Turn] = []

    def clock(self) -> int:
        self.time += 1000
        return self.time

    async def say(self, text: str, answer: str = "Noted.") -> Turn:
        time = self.clock()
        turn = Turn(
            id=identifier("turn", self.scope.user, str(time)),
            scope=self.scope,
            conversation=f"c{time}",
            messages=tuple(
                Message(role=role, content=content, time=time)
                for role, content in (("user", text), ("assistant", answer))
            ),
            created=time,
        )
        self.turns.append(turn)
        await self.learn(turn)
        return turn

    async def learn(self, turn: Turn) -> None:
        await self.learner.record(turn)
        await self.learner.learn(turn.id)

    async def learn_all_again(self) -> None:
        for turn in [*self.turns, *reversed(self.turns)]:
            await self.learn(turn)

    async def holds(self) -> list[str]:
        memories, _ = await self.store.list_memories(self.scope, STATEMENTS, limit=100)
        return sorted(memory.text for memory in memories)

    async def of(self, text: str, kinds=STATED):
        everything = Selection(kinds=kinds, statuses=frozenset(Status))
        memories, _ = await self.store.list_memories(self.scope, everything, limit=100)
        [found] = [memory for memory in memories if memory.text == text]
        return found

    async def found(self, question: str) -> list[str]:
        options = RecallOptions(kinds=frozenset(Kind), limit=50, floor=0)
        found = await Recaller(self.store, FakeEmbedder()).search(self.scope, question, options)
        return [ranked.memory.text for ranked in found.ranked]


@pytest.fixture(name="edge", scope="module")
def _edge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edge")
    store = EdgeStore.open(folder, model="fake", dimension=FakeEmbedder().dimension)
    yield store
    store.close()


@pytest.fixture(name="it", params=["fake", "edge"])
def _it(request):
    kept = FakeStore() if request.param == "fake" else request.getfixturevalue("edge")
    return Remembering(kept, request.node.name)


async def test_an_edited_memory_says_what_it_was_told_to_and_keeps_what_it_said(it):
    await it.say("I live in Lisbon.")
    lisbon = await it.of("I live in Lisbon.")
    edited = await it.changer.change(
        it.scope,
        lisbon.id,
        Change(text="I live in Porto.", title="Home", tags=("a",), info={"k": 1}),
    )
    assert edited is not None
    assert (edited.id, edited.text, edited.title) == (lisbon.id, "I live in Porto.", "Home")
    assert (edited.labels.tags, edited.labels.info) == (("a",), {"k": 1})
    assert edited.status is Status.ACTIVATED
    history = await it.changer.history(it.scope, lisbon.id)
    [before] = history.revisions
    assert (before.text, before.title, before.status) == ("I live in Lisbon.", "", "activated")
    assert (before.by, before.tags) == ("edited", ())
    assert before.until > lisbon.updated


async def test_an_edited_memory_is_found_by_its_new_words_and_not_by_the_old(it):
    await it.say("I live in Lisbon.", "Lisbon is lovely. Enjoy your stay.")
    lisbon = await it.of("I live in Lisbon.")
    await it.changer.change(it.scope, lisbon.id, Change(text="I live in Porto."))
    told = await it.found("Lisbon Porto")
    assert any("Porto" in text for text in told)
    assert not any("Lisbon" in text for text in told)
    assert any("Enjoy your stay." in text for text in told)


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.DELETED])
async def test_what_is_taken_out_is_not_recalled_and_comes_back_with_undo(it, status):
    await it.say("I love coffee. I have a cat called Tom.")
    coffee = await it.of("I love coffee.")
    await it.changer.change(it.scope, coffee.id, Change(status=status))
    assert not any("coffee" in text for text in await it.found("coffee"))
    assert any("Tom" in text for text in await it.found("cat Tom"))
    await it.learn_all_again()
    assert not any("coffee" in text for text in await it.found("coffee"))
    await it.changer.undo(it.scope, coffee.id)
    assert any("I love coffee." in text for text in await it.found("coffee"))
    assert len(await it.found("coffee")) == len(await it.found("coffee"))


async def test_an_edit_is_undone_and_the_undoing_too(it):
    await it.say("I live in Lisbon.")
    lisbon = await it.of("I live in Lisbon.")
    await it.changer.change(it.scope, lisbon.id, Change(text="I live in Porto."))
    for text in ("I live in Lisbon.", "I live in Porto.", "I live in Lisbon."):
        undone = await it.changer.undo(it.scope, lisbon.id)
        assert undone.text == text
        await it.learn_all_again()
        assert await it.holds() == [text]
        assert any(text in told for told in await it.found("live"))
    history = await it.changer.history(it.scope, lisbon.id)
    assert [revision.by for revision in history.revisions] == ["edited", *["undone"] * 3]


async def test_a_superseding_is_undone_whichever_of_the_two_is_named(it):
    await it.say("I live in Lisbon.")
    await it.say("I live in Porto.")
    lisbon, porto = await it.of("I live in Lisbon."), await it.of("I live in Porto.")
    history = await it.changer.history(it.scope, porto.id)
    assert [memory.id for memory in history.supersedes] == [lisbon.id]
    assert (await it.changer.history(it.scope, lisbon.id)).superseded_by.id == porto.id
    await it.changer.undo(it.scope, porto.id)
    await it.learn_all_again()
    assert await it.holds() == ["I live in Lisbon."]
    await it.changer.undo(it.scope, lisbon.id)
    await it.learn_all_again()
    assert await it.holds() == ["I live in Porto."]
    await it.changer.undo(it.scope, lisbon.id)
    assert await it.holds() == ["I live in Lisbon."]


async def test_what_was_never_changed_has_nothing_to_undo(it):
    await it.say("I live in Lisbon.")
    lisbon = await it.of("I live in Lisbon.")
    assert await it.changer.undo(it.scope, lisbon.id) is None
    assert await it.changer.undo(it.scope, "no such") is None
    assert await it.changer.history(it.scope, "no such") is None
    assert await it.changer.change(it.scope, "no such", Change(title="x")) is None
    assert await it.changer.undo(Scope("p", "ben"), lisbon.id) is None


async def test_what_was_deleted_for_good_is_gone_and_no_job_brings_it_back(it):
    await it.say("I live in Lisbon. I love coffee.", "Coffee in Lisbon, how nice!")
    coffee = await it.of("I love coffee.")
    assert await it.changer.delete(it.scope, [coffee.id, "no such"]) == 1
    assert await it.changer.delete(it.scope, [coffee.id]) == 0
    await it.learn_all_again()
    assert await it.changer.get(it.scope, coffee.id) is None
    assert not any("coffee" in text.lower() for text in await it.found("coffee"))
    assert await it.holds() == ["I live in Lisbon."]
    [left] = [m for m in (await it.store.get_memories(it.scope, [coffee.id])) if m.id == coffee.id]
    assert "coffee" not in repr(left)
    pieces, _ = await it.store.list_memories(it.scope, EVERYTHING, limit=100)
    episodes = [each for each in pieces if each.kind is Kind.EPISODE]
    assert not any("coffee" in repr(each).lower() for each in episodes)


@pytest.mark.parametrize("way", ["archived", "deleted", "for good"])
async def test_another_wording_in_which_it_was_told_does_not_bring_it_back(it, way):
    await it.say("I live in Lisbon.")
    await it.say("I currently live in Lisbon.")
    [told] = await it.holds()
    memory = await it.of(told)
    if way == "for good":
        await it.changer.delete(it.scope, [memory.id])
    else:
        await it.changer.change(it.scope, memory.id, Change(status=Status(way)))
    for turn in it.turns:
        await it.store.mark(turn.id, TurnState.PENDING)
        await it.learner.learn(turn.id)
    assert await it.holds() == []
    await it.say("I currently live in Lisbon.")
    assert await it.holds() == ["I currently live in Lisbon."]


async def test_what_is_said_anew_is_remembered_anew(it):
    await it.say("I love coffee.")
    coffee = await it.of("I love coffee.")
    await it.changer.delete(it.scope, [coffee.id])
    await it.say("I love coffee.")
    assert await it.holds() == ["I love coffee."]
    await it.learn_all_again()
    assert await it.holds() == ["I love coffee."]


async def test_what_a_deleted_state_had_ended_does_not_hold_again(it):
    await it.say("I live in Lisbon.")
    await it.say("I live in Porto.")
    porto = await it.of("I live in Porto.")
    await it.changer.delete(it.scope, [porto.id])
    await it.learn_all_again()
    assert await it.holds() == []
    await it.say("I live in Faro.")
    assert await it.holds() == ["I live in Faro."]


async def test_an_edit_that_speaks_of_another_thing_moves_to_its_slot(it):
    await it.say("I love coffee.")
    coffee = await it.of("I love coffee.")
    await it.changer.change(it.scope, coffee.id, Change(text="I live in Lisbon."))
    await it.learn_all_again()
    assert await it.holds() == ["I live in Lisbon."]
    await it.say("I live in Porto.")
    assert await it.holds() == ["I live in Porto."]
    await it.say("I love coffee.")
    assert await it.holds() == ["I live in Porto.", "I love coffee."]


async def test_the_same_change_again_adds_nothing_to_the_history(it):
    await it.say("I live in Lisbon.")
    lisbon = await it.of("I live in Lisbon.")
    for _ in range(3):
        await it.changer.change(it.scope, lisbon.id, Change(text="I live in Porto.", title="Home"))
    assert len((await it.changer.history(it.scope, lisbon.id)).revisions) == 1


async def test_a_history_is_bounded(it):
    await it.say("I live in Lisbon.")
    lisbon = await it.of("I live in Lisbon.")
    for number in range(30):
        await it.changer.change(it.scope, lisbon.id, Change(title=f"{number}"))
    titles = [each.title for each in (await it.changer.history(it.scope, lisbon.id)).revisions]
    assert titles == [str(number) for number in range(9, 29)]


@pytest.mark.parametrize("first", range(8))
async def test_an_edit_among_jobs_is_neither_lost_nor_undone(first):
    it = Remembering(FakeStore())
    await it.say("I live in Lisbon.")
    lisbon = await it.of("I live in Lisbon.")
    others = [await it.say(text) for text in ("I live in Rome.", "I love tea.")]
    late = Turn(
        id=identifier("late"),
        scope=it.scope,
        conversation="late",
        messages=(Message(role="user", content="I live in Faro.", time=1_000_500),),
        created=1_000_500,
    )
    await it.learner.record(late)

    async def edit(gate) -> None:
        part = Gated(it.store, gate)
        changer = Changer(part, FakeEmbedder(), clock=it.clock)
        change = Change(text="I live in Porto.", status=Status.ACTIVATED)
        await changer.change(it.scope, lisbon.id, change)

    async def learn(gate) -> None:
        part = Gated(it.store, gate)
        learner = Learner(store=part, outbox=part, embedder=FakeEmbedder(), clock=it.clock)
        await learner.learn(late.id)

    await interleave([edit, learn], [*[0] * first, *[1, 0] * 20])
    for turn in [*others, late, it.turns[0]]:
        await it.learn(turn)
    assert await it.holds() == ["I live in Porto.", "I love tea."]
