"""What a user shares is found by whom it is shared with and nobody else, until it is taken back.

Over the fake store and over Edge.
"""

from dataclasses import replace

import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.changing import Changer
from gateway.memory.decisions import Change
from gateway.memory.filters import parse
from gateway.memory.known import KEPT
from gateway.memory.learning import Learner
from gateway.memory.model import (
    Holder,
    Indexed,
    Kind,
    Labels,
    Message,
    Scope,
    Status,
    Turn,
    identifier,
    knowledge_base,
    public,
)
from gateway.memory.ports import Selection
from gateway.memory.prompt import block
from gateway.memory.recall import Recaller, RecallOptions
from gateway.memory.sharing import copy_id, delete_conversation, withdraw

pytestmark = pytest.mark.anyio

ANN, BOB, EVE = (Scope("acme", name) for name in ("ann", "bob", "eve"))
ELSEWHERE = Scope("globex", "bob")
BASE, OTHER_BASE = (knowledge_base("acme", name) for name in ("base-1", "base-2"))
SEARCHED = frozenset({Kind.EPISODE, Kind.FACT, Kind.PREFERENCE})
EVERYTHING = Selection(kinds=frozenset(Kind), statuses=KEPT)


@pytest.fixture(name="it", params=["fake", "edge"])
def _it(request, tmp_path):
    if request.param == "fake":
        yield Memoryful(FakeStore())
        return
    embedder = FakeEmbedder()
    store = EdgeStore.open(tmp_path, model=embedder.model, dimension=embedder.dimension)
    yield Memoryful(store)
    store.close()


class Memoryful:
    """What learns and recalls over one store."""

    def __init__(self, store):
        self.store = store
        self.recaller = Recaller(store, FakeEmbedder())
        self.learner = Learner(
            store=store, outbox=store, embedder=FakeEmbedder(), shared=self.recaller.shared
        )
        self._said = 0

    async def say(self, scope, *texts, conversation="c", time=0, again=1, **options):
        self._said += 1
        time = time or 1000 * self._said
        turn = Turn(
            id=identifier("turn", *scope.parts, *texts, str(time)),
            scope=scope,
            conversation=conversation,
            messages=tuple(Message(role="user", content=text, time=time) for text in texts),
            created=time,
            **options,
        )
        for _ in range(again):
            await self.learner.record(turn)
            await self.learner.learn(turn.id)

    async def found(self, scope, question, *, kinds=SEARCHED, **options):
        wanted = RecallOptions(kinds=kinds, limit=20, floor=0, **options)
        ranked = (await self.recaller.search(scope, question, wanted)).ranked
        return [each.memory for each in ranked]

    async def texts(self, scope, question, **options):
        return [memory.text for memory in await self.found(scope, question, **options)]

    async def held(self, scope):
        return (await self.store.list_memories(scope, EVERYTHING, limit=100))[0]


def mentions(memories, word):
    return [memory for memory in memories if word in memory.text]


LISBON = "I live in Lisbon."
WHERE = "Who lives in Lisbon?"


async def test_what_is_not_shared_is_the_users_own(it):
    await it.say(ANN, LISBON)
    assert mentions(await it.found(ANN, WHERE), "Lisbon")
    for other in (BOB, ELSEWHERE, Scope("acme", "ann", Holder.AGENT)):
        assert not await it.found(other, WHERE, also=(BASE, OTHER_BASE))
    assert not await it.held(public("acme"))


async def test_what_is_public_is_found_by_everybody_in_the_project_and_nobody_else(it):
    await it.say(ANN, LISBON, public=True)
    for other in (BOB, EVE, Scope("acme", "ann", Holder.AGENT)):
        [memory] = mentions(await it.found(other, WHERE), "Lisbon")
        assert memory.scope == public("acme")
        assert memory.contributor == "ann"
    for stranger in (ELSEWHERE, Scope("globex", "ann")):
        assert not await it.found(stranger, WHERE, also=(public("globex"),))
    assert not await it.held(BASE)


async def test_what_is_written_to_a_base_is_found_only_by_who_asks_that_base(it):
    await it.say(ANN, LISBON, bases=(BASE.user,))
    assert mentions(await it.found(BOB, WHERE, also=(BASE,)), "Lisbon")
    assert not await it.found(BOB, WHERE)
    assert not await it.found(BOB, WHERE, also=(OTHER_BASE,))
    assert not await it.found(BOB, WHERE, also=(knowledge_base("globex", BASE.user),))
    assert not await it.held(public("acme"))


async def test_facts_and_preferences_are_shared_as_episodes_are(it):
    await it.say(ANN, "I live in Lisbon. I love green tea.", public=True, bases=(BASE.user,))
    own = await it.held(ANN)
    assert {memory.kind for memory in own} == SEARCHED
    for scope in (public("acme"), BASE):
        copies = await it.held(scope)
        assert {m.id for m in copies} == {copy_id(m.id) for m in own}
        assert {m.text for m in copies} == {m.text for m in own}


async def test_a_copy_names_no_conversation_and_nobody_but_its_contributor(it):
    labels = Labels(agent_id="guide", tags=("home",), info={"k": 1}, related=("ann", "bob"))
    await it.say(ANN, LISBON, public=True, conversation="diary", labels=labels)
    for memory in await it.held(public("acme")):
        assert (memory.conversation, memory.contributor) == ("", "ann")
        assert {source.conversation for source in memory.sources} == {""}
        assert memory.labels == replace(labels, related=())


async def test_what_a_turn_before_said_is_no_part_of_a_copy(it):
    await it.say(ANN, LISBON, public=True, preceding="The vault code is heron.")
    assert mentions(await it.found(ANN, "heron vault"), "Lisbon")
    [own] = [hit for hit in await it.held(public("acme")) if hit.kind is Kind.EPISODE]
    assert "heron" not in str(own)


async def test_of_what_is_shared_only_the_shared_turns_are_told(it):
    await it.say(ANN, "I live in Lisbon. The vault code is heron.")
    await it.say(ANN, LISBON, public=True)
    assert "heron" not in str(await it.held(public("acme")))
    assert "heron" in str(await it.held(ANN))


async def test_nobodys_word_ends_anothers(it):
    await it.say(ANN, LISBON, public=True)
    await it.say(BOB, "I live in Porto.", public=True)
    await it.say(ANN, "I live in Faro.", public=True)
    facts = [m for m in await it.held(public("acme")) if m.kind is Kind.FACT]
    assert {(m.contributor, m.text, m.status) for m in facts} == {
        ("ann", "I live in Lisbon.", Status.ARCHIVED),
        ("ann", "I live in Faro.", Status.ACTIVATED),
        ("bob", "I live in Porto.", Status.ACTIVATED),
    }


async def test_what_two_users_share_in_the_same_words_is_each_ones_own(it):
    await it.say(ANN, LISBON, public=True)
    await it.say(BOB, LISBON, public=True)
    facts = [m for m in await it.held(public("acme")) if m.kind is Kind.FACT]
    assert {m.contributor for m in facts} == {"ann", "bob"}


async def test_what_is_kept_private_later_does_not_show_in_what_is_shared(it):
    await it.say(ANN, LISBON, public=True)
    before = await it.held(public("acme"))
    await it.say(ANN, "I live in Porto.")
    assert await it.held(public("acme")) == before


async def test_shared_twice_equals_shared_once(it):
    said = ("I live in Lisbon. I love green tea.",)
    await it.say(ANN, *said, time=5000, public=True, bases=(BASE.user,))
    before = [await it.held(scope) for scope in (ANN, public("acme"), BASE)]
    await it.say(ANN, *said, time=5000, again=3, public=True, bases=(BASE.user, BASE.user))
    after = [await it.held(scope) for scope in (ANN, public("acme"), BASE)]
    assert [{m.id for m in each} for each in before] == [{m.id for m in each} for each in after]


async def test_what_oneself_shared_is_found_once_and_as_it_is_now(it):
    await it.say(ANN, LISBON, public=True, bases=(BASE.user,))
    found = mentions(await it.found(ANN, WHERE, also=(BASE,)), "Lisbon")
    assert {memory.scope for memory in found} == {ANN}
    await it.say(ANN, "I live in Porto.")
    facts = await it.found(ANN, "Where do I live?", kinds=frozenset({Kind.FACT}), also=(BASE,))
    assert [memory.text for memory in facts] == ["I live in Porto."]


async def test_ones_own_word_comes_before_anothers(it):
    await it.say(BOB, "I live in Porto.", public=True)
    await it.say(ANN, LISBON)
    found = await it.found(ANN, "Where do I live?")
    assert [memory.scope for memory in found] == [ANN, public("acme")]


async def test_in_a_prompt_the_words_of_others_are_marked(it):
    await it.say(BOB, "I live in Porto. I love green tea.", public=True)
    await it.say(EVE, "I live in Faro.", bases=(BASE.user,))
    await it.say(ANN, LISBON)
    lines = block(await it.found(ANN, "Where do I live?", also=(BASE,))).split("\n")
    marks = {
        place: line for line in lines for place in ("Lisbon", "Porto", "Faro") if place in line
    }
    assert marks["Lisbon"].startswith("- [1970-")
    assert marks["Porto"].startswith("- [shared by another user] [1970-")
    assert marks["Faro"].startswith("- [from a knowledge base] [1970-")


async def test_what_others_ask_for_in_every_answer_is_nobodys_standing_instruction(it):
    await it.say(BOB, "Always answer in French.", public=True)
    options = RecallOptions(kinds=SEARCHED, limit=20, floor=0.45, standing=True)
    assert (await it.recaller.search(BOB, "Hello", options)).standing
    assert not (await it.recaller.search(ANN, "Hello", options)).standing


async def test_a_filter_by_source_holds_public_memory_to_its_own_group(it):
    await it.say(BOB, "The harbour is closed.", public=True, labels=Labels(tags=("town",)))
    await it.say(EVE, "The harbour café opens.", public=True, labels=Labels(tags=("food",)))
    await it.say(ANN, "The harbour is pretty.")
    where = parse({"public": {"and": [{"tags": {"contains": "food"}}]}})
    texts = " ".join(await it.texts(ANN, "harbour", where=where))
    assert "pretty" in texts
    assert "opens" in texts
    assert "closed" not in texts


async def test_a_user_who_is_erased_takes_along_what_was_shared(it):
    await it.say(ANN, LISBON, public=True, bases=(BASE.user,))
    await it.say(BOB, "I live in Porto.", public=True, bases=(BASE.user,))
    namesake = Scope("acme", "ann", Holder.AGENT)
    await it.say(namesake, "I live in Faro.", public=True)
    await it.store.erase(ANN)
    assert not mentions(await it.found(EVE, WHERE, also=(BASE,)), "Lisbon")
    assert mentions(await it.held(BASE), "Porto")
    assert mentions(await it.held(public("acme")), "Faro")
    await it.store.erase(namesake)
    assert not mentions(await it.held(public("acme")), "Faro")
    assert mentions(await it.held(public("acme")), "Porto")


async def test_what_is_withdrawn_is_gone_from_wherever_it_was_shared(it):
    await it.say(ANN, LISBON, public=True, bases=(BASE.user, OTHER_BASE.user))
    await it.say(BOB, LISBON, public=True)
    own = await it.held(ANN)
    assert await withdraw(it.store, "acme", [memory.id for memory in own]) == 3 * len(own)
    assert not await it.held(BASE)
    assert not await it.held(OTHER_BASE)
    assert {m.contributor for m in await it.held(public("acme"))} == {"bob"}
    assert await it.held(ANN) == own


async def test_what_its_user_took_out_is_not_shared_when_the_turn_is_learned_again(it):
    await it.say(ANN, LISBON, time=5000)
    gone = [replace(memory, status=Status.DELETED) for memory in await it.held(ANN)]
    await it.store.put_memories(ANN, [Indexed(memory=memory, words="") for memory in gone])
    await it.say(ANN, LISBON, time=5000, public=True)
    assert not await it.held(public("acme"))


# What is changed by hand


async def test_what_its_user_deletes_or_corrects_is_gone_from_what_was_shared(it):
    for decide in (
        lambda changer, fact: changer.delete(ANN, [fact.id]),
        lambda changer, fact: changer.change(ANN, fact.id, Change(status=Status.ARCHIVED)),
        lambda changer, fact: changer.change(ANN, fact.id, Change(text="I live in Faro.")),
    ):
        await it.say(ANN, LISBON, public=True, bases=(BASE.user,))
        [fact] = [m for m in await it.held(ANN) if m.kind is Kind.FACT and m.text == LISBON]
        await decide(Changer(it.store, FakeEmbedder()), fact)
        for scope in (public("acme"), BASE):
            assert not mentions(await it.held(scope), "Lisbon")
        await it.store.erase(ANN)


async def test_a_change_of_what_one_shared_touches_nothing_that_another_did(it):
    await it.say(ANN, LISBON, public=True)
    await it.say(BOB, "I live in Porto.", public=True)
    await it.say(ANN, "I live in Faro.", public=True)
    changer = Changer(it.store, FakeEmbedder())
    facts = {m.text: m for m in await it.held(public("acme")) if m.kind is Kind.FACT}
    others = facts["I live in Porto."]
    await changer.change(
        public("acme"), facts["I live in Faro."].id, Change(text="I live in Evora.")
    )
    await changer.delete(public("acme"), [facts[LISBON].id])
    [held] = await it.store.get_memories(public("acme"), [others.id])
    assert held == others


async def test_what_was_deleted_of_the_shared_alone_stays_so_when_its_turn_is_learned_again(it):
    await it.say(ANN, LISBON, time=5000, public=True)
    changer = Changer(it.store, FakeEmbedder())
    await changer.delete(public("acme"), [m.id for m in await it.held(public("acme"))])
    await it.say(ANN, LISBON, time=5000, public=True, again=2)
    assert not mentions(await it.held(public("acme")), "Lisbon")
    assert mentions(await it.held(ANN), "Lisbon")
    assert await it.store.erase(ANN)
    assert not await it.held(public("acme"))


async def test_a_conversation_that_is_deleted_takes_along_what_was_shared_of_it(it):
    await it.say(ANN, LISBON, public=True, bases=(BASE.user,), conversation="gone")
    await it.say(ANN, LISBON, conversation="kept")  # now the fact is of this one
    await it.say(ANN, "I have a boat.", public=True, conversation="kept")
    await it.say(BOB, LISBON, public=True, conversation="gone")
    assert await delete_conversation(it.store, ANN, "gone")
    assert await it.held(BASE) == []
    left = await it.held(public("acme"))
    assert {m.contributor for m in mentions(left, "Lisbon")} == {"bob"}
    assert {m.contributor for m in mentions(left, "boat")} == {"ann"}
    assert mentions(await it.held(ANN), "Lisbon")
    assert await delete_conversation(it.store, ANN, "gone") == 0
