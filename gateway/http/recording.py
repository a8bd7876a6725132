"""The last step of a request with memory: what was said becomes a recorded turn."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.http.conversation import Chat
from gateway.http.gateway import Gateway
from gateway.http.tee import Answer
from gateway.memory import threads, transcript
from gateway.memory.model import Ending, Message, Turn


class Recorder:
    """The listener that turns a chat and its answer into a recorded turn."""

    def __init__(self, gateway: Gateway, chat: Chat, answer: Answer) -> None:
        self._gateway = gateway
        self._chat = chat
        self.answer = answer

    async def record(self, ending: Ending) -> None:
        """Acknowledge the turn; that this fails costs the chat nothing."""
        await self._gateway.turn_log.record(self._turn(ending))

    def _turn(self, ending: Ending) -> Turn:
        gateway, chat = self._gateway, self._chat
        now = gateway.clock()
        messages = chat.transcript.fresh
        if self.answer.failed and ending is Ending.COMPLETE:  # the whole of a half answer
            ending = Ending.UPSTREAM_BROKE
        said = self.answer.message()
        if said is not None:
            message = transcript.message(said, now)
            messages = (*messages, replace(message, repeats=not gateway.model.memorable))
        return Turn(
            id=chat.turn,
            scope=chat.scope,
            conversation=chat.conversation,
            messages=messages,
            created=now,
            preceding=chat.transcript.preceding,
            refs=self._refs(messages),
            labels=chat.options.labels,
            public=chat.options.public,
            bases=chat.options.written,
            ending=ending,
        )

    def _refs(self, messages: Sequence[Message]) -> tuple[str, ...]:
        """The names by which a later request may say that it goes on from this turn."""
        chat = self._chat
        given = [self.answer.ref] if self.answer.ref else []
        history = threads.heard((*chat.transcript.history, *messages))
        return tuple(dict.fromkeys((*chat.refs, *given, *threads.names(history))))
