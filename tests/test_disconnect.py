"""Work for a client that has gone is cancelled at once, and any other ending is left as it is."""

import asyncio

import pytest

from gateway.http.disconnect import ClientGoneError, UntilDisconnect

pytestmark = pytest.mark.anyio

REQUEST = {"type": "http.request", "body": b"", "more_body": False}
DISCONNECT = {"type": "http.disconnect"}


class Client:
    """A connection: `receive` gives `messages`, then a disconnect once the client is `gone`."""

    def __init__(self, *messages):
        self.gone = asyncio.Event()
        self.watched = asyncio.Event()
        self.let_go = asyncio.Event()
        self._messages = list(messages)

    async def receive(self):
        if self._messages:
            return self._messages.pop(0)
        self.watched.set()
        try:
            await self.gone.wait()
        except asyncio.CancelledError:
            self.let_go.set()
            raise
        return DISCONNECT


async def never():
    await asyncio.Event().wait()


def cancellations():
    """How many requests to cancel this task are not settled."""
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_a_block_is_cancelled_at_once_when_the_client_goes():
    client, ended = Client(), []
    with pytest.raises(ClientGoneError):
        async with UntilDisconnect(client.receive):
            await client.watched.wait()
            client.gone.set()
            try:
                await never()
            finally:
                ended.append(True)
    assert ended == [True]
    assert cancellations() == 0


async def test_a_client_that_was_gone_before_is_noticed_at_the_first_wait():
    client = Client()
    client.gone.set()
    with pytest.raises(ClientGoneError):
        async with UntilDisconnect(client.receive):
            await never()


async def test_what_is_left_of_the_request_is_no_disconnect():
    client = Client(REQUEST, REQUEST)
    async with UntilDisconnect(client.receive):
        await client.watched.wait()
    client.gone.set()
    client = Client(REQUEST, DISCONNECT)
    with pytest.raises(ClientGoneError):
        async with UntilDisconnect(client.receive):
            await never()


async def test_a_block_that_ends_raises_nothing_and_stops_watching():
    client = Client()
    async with UntilDisconnect(client.receive):
        await client.watched.wait()
    async with asyncio.timeout(5):
        await client.let_go.wait()
    client.gone.set()
    assert cancellations() == 0


async def test_a_block_that_never_waits_may_end_before_it_is_watched():
    client = Client()
    async with UntilDisconnect(client.receive):
        pass
    assert not client.watched.is_set()


async def test_an_error_of_the_block_passes_through_and_stops_the_watch():
    client = Client()
    with pytest.raises(ValueError, match="mine"):
        async with UntilDisconnect(client.receive):
            await client.watched.wait()
            raise ValueError("mine")
    async with asyncio.timeout(5):
        await client.let_go.wait()


async def test_an_error_that_answers_the_cancellation_is_the_one_that_is_seen():
    client = Client()
    with pytest.raises(ValueError, match="while closing"):
        async with UntilDisconnect(client.receive):
            client.gone.set()
            try:
                await never()
            except asyncio.CancelledError:
                raise ValueError("while closing") from None
    assert cancellations() == 0


async def test_a_cancellation_from_outside_passes_through():
    client, seen = Client(), []

    async def work():
        try:
            async with UntilDisconnect(client.receive):
                await never()
        except BaseException as error:
            seen.append(type(error))
            raise

    task = asyncio.create_task(work())
    await client.watched.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [asyncio.CancelledError]
    async with asyncio.timeout(5):
        await client.let_go.wait()


async def test_of_both_at_once_the_cancellation_from_outside_wins():
    client, watching = Client(), asyncio.Event()

    async def work():
        async with UntilDisconnect(client.receive):
            watching.set()
            try:
                await never()
            finally:
                task.cancel()

    task = asyncio.create_task(work())
    await watching.wait()
    client.gone.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_timeout_around_the_block_stays_a_timeout():
    client = Client()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            async with UntilDisconnect(client.receive):
                await never()


async def test_a_timeout_within_the_block_stays_a_timeout():
    client = Client()
    with pytest.raises(TimeoutError):
        async with UntilDisconnect(client.receive), asyncio.timeout(0):
            await never()


async def test_the_task_can_wait_again_after_the_client_has_gone():
    client, done = Client(DISCONNECT), asyncio.Event()
    with pytest.raises(ClientGoneError):
        async with UntilDisconnect(client.receive):
            await never()
    asyncio.get_running_loop().call_soon(done.set)
    async with asyncio.timeout(5):
        await done.wait()


async def test_blocks_that_follow_one_another_each_notice():
    for _ in range(3):
        client = Client(DISCONNECT)
        with pytest.raises(ClientGoneError):
            async with UntilDisconnect(client.receive):
                await never()


async def end(_):
    """A block that ends."""


async def fail(_):
    raise ValueError


async def lose(client):
    client.gone.set()
    await never()


async def cancel(_):
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await never()


@pytest.mark.parametrize("block", [end, fail, lose, cancel])
@pytest.mark.parametrize("watched", [True, False])
async def test_no_task_is_left_after_any_ending(block, watched):
    client = Client()

    async def work():
        async with UntilDisconnect(client.receive):
            if watched:
                await client.watched.wait()
            await block(client)

    before = asyncio.all_tasks()
    await asyncio.gather(asyncio.create_task(work()), return_exceptions=True)
    left = asyncio.all_tasks() - before
    if left:
        await asyncio.wait(left, timeout=1)
    assert all(task.done() for task in left)
