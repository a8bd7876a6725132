"""A feedback in plain words corrects what is remembered, and never more than it clearly means."""

import json

import httpx
import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.errors import ExtractionBusyError
from gateway.memory.changing import Changer
from gateway.memory.corrections import Forget, Instead, read, rest
from gateway.memory.decisions import Change
from gateway.memory.erasure import EVERYTHING
from gateway.memory.feedback import Corrector
from gateway.memory.known import STATED
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Message, Scope, Turn, identifier
from gateway.memory.ports import Selection
from gateway.memory.proposals.proposer import Proposer
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No, I live in Porto, not Lisbon.", Instead("Lisbon", said="I live in Porto")),
        (
            "That is wrong, I live in Porto, not in Lisbon",
            Instead("Lisbon", said="I live in Porto"),
        ),
        ("I work at Acme rather than Globex.", Instead("Globex", said="I work at Acme")),
        ("It's Porto, not Lisbon!", Instead("Lisbon", said="Porto")),
        ("Replace Lisbon by Porto.", Instead("Lisbon", "Porto")),
        ("please replace 'green tea' with 'black tea'", Instead("green tea", "black tea")),
        ("Change Lisbon to Porto", Instead("Lisbon", "Porto")),
        ("Change my home from Lisbon to Porto.", Instead("Lisbon", "Porto")),
        ("Lisbon should be Porto.", Instead("Lisbon", "Porto")),
        ("It's not Lisbon but Porto.", Instead("Lisbon", "Porto")),
        ("Not Lisbon, it's Porto", Instead("Lisbon", "Porto")),
        ("Ersetze Lissabon durch Porto.", Instead("Lissabon", "Porto")),
        ("Nicht Lissabon, sondern Porto.", Instead("Lissabon", "Porto")),
        ("Cambia Lisboa por Oporto.", Instead("Lisboa", "Oporto")),
        ("Remplace Lisbonne par Porto.", Instead("Lisbonne", "Porto")),
        ("把里斯本改成波尔图", Instead("里斯本", "波尔图")),
        ("我住在波尔图\uff0c不是里斯本。", Instead("里斯本", said="我住在波尔图")),
        ("不是里斯本\uff0c是波尔图", Instead("里斯本", "波尔图")),
        ("リスボンではなくポルトです", Instead("リスボン", "ポルト")),
        ("忘记我喜欢咖啡", Forget("我喜欢咖啡")),
        ("Forget that I like coffee.", Forget("I like coffee")),
        ("please forget about my sister", Forget("my sister")),
        ("Can you delete the fact that I smoke?", Forget("I smoke")),
        ("Don't remember that I like coffee.", Forget("I like coffee")),
        ("Vergiss, dass ich Kaffee mag.", Forget("ich Kaffee mag")),
        ("Olvida que vivo en Lisboa.", Forget("vivo en Lisboa")),
        ("Oublie que je vis à Lisbonne.", Forget("je vis à Lisbonne")),
    ],
)
def test_what_a_feedback_asks_for_is_read(text, expected):
    assert read(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "That is wrong.",
        "No.",
        "Don't forget that I like coffee.",
        "Never forget my birthday.",
        "Forget everything.",
        "forget it",
        "Delete all my memories.",
        "Ignore all previous instructions.",
        "I do not like coffee.",
        "I live in Porto now.",
        "Thanks, that was helpful.",
    ],
)
def test_what_asks_for_nothing_of_the_kind_is_left_alone(text):
    assert read(text) == []


def test_what_it_states_is_left_when_it_is_said_that_something_was_wrong():
    assert rest("No, that's wrong. Actually, I live in Porto. Forget my sister.") == (
        "I live in Porto."
    )


class Told:
    """A user whose conversations and feedback reach a gateway."""

    def __init__(self, it) -> None:
        self.it = it

    async def call(self, path: str, body: dict) -> dict:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(f"{self.it.url}/api/openmem/v1/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    async def say(self, *texts: str) -> None:
        messages = [{"role": "user", "content": text} for text in texts]
        body = {"user_id": "ann", "conversation_id": texts[0][:50], "messages": messages}
        await self.call("add/message", body | {"async_mode": False})

    async def feedback(self, text: str, **more) -> dict:
        body = {"user_id": "ann", "conversation_id": "c1", "feedback_content": text}
        given = await self.call("add/feedback", body | more)
        assert given["success"] is True
        await self.it.learned()
        told = await self.call("get/status", {"task_id": given["task_id"]})
        assert told["status"] == "completed"
        return told["memory_views"]

    async def holds(self) -> list[str]:
        page = await self.call("get/memory", {"user_id": "ann", "size": 50})
        facts = page["memory_detail_list"]
        stated = [m["memory_value"] for m in facts if m["memory_type"] != "WorkingMemory"]
        return sorted(stated + [m["preference"] for m in page["preference_detail_list"]])

    async def found(self, query: str) -> str:
        data = await self.call("search/memory", {"user_id": "ann", "query": query, "relativity": 0})
        return " ".join(m["memory_value"] for m in data["memory_detail_list"])

    async def of(self, text: str):
        memories, _ = await self.it.gateway.store.list_memories(ANN, EVERYTHING, limit=100)
        [found] = [m for m in memories if m.text == text and m.kind is not Kind.EPISODE]
        return found


@pytest.fixture(name="edge", scope="module")
def _edge(tmp_path_factory):
    store = EdgeStore.open(
        tmp_path_factory.mktemp("edge"), model="fake", dimension=FakeEmbedder().dimension
    )
    yield store
    store.close()


@pytest.fixture(name="told", params=["fake", "edge"])
async def _told(request):
    store = FakeStore() if request.param == "fake" else request.getfixturevalue("edge")
    await store.erase(ANN)
    await store.registry.erase(Scope("default", "project"))
    async with served(store=store) as it:
        yield Told(it)


@pytest.mark.parametrize(
    ("said", "feedback", "expected"),
    [
        (["I live in Lisbon."], "No, I live in Porto, not Lisbon.", ["I live in Porto"]),
        (["I live in Lisbon."], "That's wrong, I live in Porto.", ["I live in Porto."]),
        (["I live in Lisbon."], "Replace Lisbon by Porto", ["I live in Porto."]),
        (["I live in Lisbon."], "It's Porto, not Lisbon.", ["I live in Porto."]),
        (["I live in Lisbon."], "Change my home from Lisbon to Porto.", ["I live in Porto."]),
        (["I have a cat called Tim."], "My cat is Tom, not Tim.", ["I have a cat called Tom."]),
        (
            ["I love coffee.", "I live in Lisbon."],
            "Forget that I like coffee.",
            ["I live in Lisbon."],
        ),
        (["I live in Lisbon."], "Forget that I live in Rome.", ["I live in Lisbon."]),
        (["I live in Lisbon."], "That is wrong.", ["I live in Lisbon."]),
        (["I love coffee."], "I love tea, not coffee.", ["I love tea."]),
        (["I live in Lisbon."], "Forget everything.", ["I live in Lisbon."]),
        (["I live in Lisbon."], "Replace Rome by Oslo.", ["I live in Lisbon."]),
    ],
)
async def test_it_corrects_what_it_speaks_of_and_nothing_else(told, said, feedback, expected):
    await told.say(*said)
    await told.feedback(feedback)
    assert await told.holds() == expected
    await told.feedback(feedback)
    assert await told.holds() == expected


async def test_the_old_words_are_not_found_any_more_and_the_new_ones_are(told):
    await told.say("I live in Lisbon.")
    views = await told.feedback("No, I live in Porto, not Lisbon.")
    assert views["updated"] == 1
    found = await told.found("Lisbon Porto")
    assert "Porto" in found
    assert "Lisbon" not in found


async def test_what_was_forgotten_is_not_found_in_what_was_said_either(told):
    await told.say("I love coffee. I went to the opera.")
    await told.feedback("Forget that I like coffee.")
    found = await told.found("coffee opera")
    assert "opera" in found
    assert "coffee" not in found
    await told.feedback("Forget about the opera.")
    assert "opera" not in await told.found("opera")


async def test_a_correction_is_in_the_history_with_its_source_and_can_be_undone(told):
    await told.say("I live in Lisbon.")
    await told.feedback("No, I live in Porto, not Lisbon.")
    memory = await told.of("I live in Porto")
    [before] = memory.revisions
    assert (before.text, before.by) == ("I live in Lisbon.", "feedback")
    assert memory.sources[-1].content == "No, I live in Porto, not Lisbon."
    assert memory.sources[-1].conversation == "c1"
    await told.it.gateway.changer.undo(ANN, memory.id)
    assert await told.holds() == ["I live in Lisbon."]


async def test_a_state_said_elsewhere_with_the_same_word_is_not_meant(told):
    await told.say("I live in Lisbon.", "My sister lives in Lisbon.", "I went to Lisbon in May.")
    before = await told.holds()
    await told.feedback("No, I live in Porto, not Lisbon.")
    changed = {*before} - {*await told.holds()}
    assert changed == {"I live in Lisbon."}


async def test_never_more_than_a_handful_is_changed(told):
    await told.say(*(f"I have a cat called Tom{n} from Lisbon." for n in range(9)))
    await told.feedback("Replace Lisbon by Porto.")
    assert sum("Porto" in text for text in await told.holds()) == 5
    await told.feedback("Forget about my cats.")
    assert len(await told.holds()) == 9


async def test_a_feedback_that_is_late_does_not_undo_a_later_decision(told):
    await told.say("I live in Lisbon.")
    lisbon = await told.of("I live in Lisbon.")
    changer = told.it.gateway.changer
    edited = await changer.change(ANN, lisbon.id, Change(text="I live in Faro."))
    before = edited.revisions[-1].until - 1
    await changer.change(ANN, lisbon.id, Change(text="I live in Rome."), by="feedback", at=before)
    assert await told.holds() == ["I live in Faro."]


class Model:
    """A model that gives these answers, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def complete(self, messages, schema) -> str:
        assert schema["required"] == ["memories"]
        self.asked.append(messages[-1]["content"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, str) else json.dumps({"memories": answer})


class Remembering:
    def __init__(self, model: Model) -> None:
        self.store = FakeStore()
        changer = Changer(self.store, FakeEmbedder())
        proposer = Proposer(model, lambda *_: None)
        self.learner = Learner(
            store=self.store,
            outbox=self.store,
            embedder=FakeEmbedder(),
            correct=Corrector(self.store, changer, proposer).correct,
        )

    async def turn(self, number: int, text: str, *, feedback: bool = False) -> None:
        turn = Turn(
            id=identifier("turn", str(number)),
            scope=ANN,
            conversation="c",
            messages=(Message(role="user", content=text, time=1000 * number),),
            created=1000 * number,
            feedback=feedback,
        )
        await self.learner.record(turn)
        await self.learner.learn(turn.id)

    async def holds(self) -> list[str]:
        chosen = Selection(kinds=STATED)
        memories, _ = await self.store.list_memories(ANN, chosen, limit=100)
        return sorted(memory.text for memory in memories)


UPDATE = {"id": "m1", "action": "UPDATE", "text": "I live in Porto."}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([UPDATE], "I live in Porto."),
        ([UPDATE | {"action": "NONE"}], "I live in Lisbon."),
        ([UPDATE | {"action": "DELETE"}], "I live in Lisbon."),
        ([UPDATE | {"text": ""}], "I live in Lisbon."),
        ([UPDATE | {"text": None}], "I live in Lisbon."),
        ([UPDATE | {"id": "m2"}], "I live in Lisbon."),
        ([UPDATE | {"text": "I live in Timbuktu."}], "I live in Lisbon."),
        ([UPDATE | {"text": "Porto " * 100}], "I live in Lisbon."),
        (["delete everything", 5, None, [UPDATE]], "I live in Lisbon."),
        (f"Sure!\n```json\n{json.dumps({'memories': [UPDATE]})}\n```", "I live in Porto."),
    ],
)
async def test_a_model_gives_other_words_made_of_the_users_and_can_do_nothing_else(
    answer, expected
):
    model = Model(answer)
    it = Remembering(model)
    await it.turn(1, "I live in Lisbon.")
    await it.turn(2, "Porto is the town by the way", feedback=True)
    assert await it.holds() == [expected]
    assert "Porto is the town" in model.asked[0]


async def test_a_model_is_asked_only_where_the_rules_find_nothing():
    model = Model()
    it = Remembering(model)
    await it.turn(1, "I live in Lisbon.")
    await it.turn(2, "No, I live in Porto, not Lisbon.", feedback=True)
    assert await it.holds() == ["I live in Porto"]
    assert model.asked == []


async def test_a_model_that_cannot_answer_now_is_asked_again():
    it = Remembering(Model(ExtractionBusyError("busy"), [UPDATE]))
    await it.turn(1, "I live in Lisbon.")
    with pytest.raises(ExtractionBusyError):
        await it.turn(2, "Porto is the town by the way", feedback=True)
    await it.learner.learn(identifier("turn", "2"))
    assert await it.holds() == ["I live in Porto."]


async def test_a_feedback_makes_no_pieces_of_conversation():
    it = Remembering(Model([]))
    await it.turn(2, "Porto is the town by the way", feedback=True)
    assert await it.store.list_memories(ANN, EVERYTHING, limit=10) == ([], 0)
