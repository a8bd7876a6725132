"""Files into a knowledge base, whichever API they come by: received, read, recorded, told."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from pydantic import BaseModel, PrivateAttr

from gateway.errors import DocumentError
from gateway.http.contents import Offered, Received, Receiver
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders, get
from gateway.http.kept import Kept
from gateway.http.operation import Operation
from gateway.http.receiving import too_many_files
from gateway.memory import knowledge, knowledge_files
from gateway.memory.knowledge_files import File, State

MB = 2**20
SMALL = MB  # bytes of an upload that waits for no other


class WithFiles(BaseModel):
    """What is asked together with files, of which long ones were kept aside."""

    _kept: Kept = PrivateAttr(default_factory=Kept)

    def bring(self, kept: Kept) -> None:
        """Give it what was kept while its request was read."""
        self._kept = kept

    @property
    def kept(self) -> Kept:
        return self._kept


def turn_of(
    gateway: Gateway, operation: Operation[Any], headers: RawHeaders
) -> AbstractAsyncContextManager[None]:
    """Waits, where a request brings large files, until few enough others do."""
    declared = get(headers, b"content-length")
    small = declared.isdigit() and int(declared) <= SMALL
    return nullcontext() if small or operation.from_form is None else gateway.uploads


async def add(
    gateway: Gateway, project: str, base_id: str, offered: Sequence[Offered], kept: Kept
) -> list[tuple[File, State, str]]:
    """Add files to a base; each with how far it is, and why it failed if it did.

    All are received before any is added: one that is refused refuses them all. One that cannot be
    read is added as failed. What was added is kept, and found by its words, when this returns.

    Raises NoSuchKnowledgeBaseError, ApiError as Receiver does, StoreError.
    """
    settings = gateway.settings
    await knowledge.find(gateway.registry, project, base_id)
    if len(offered) > settings.max_files:
        raise too_many_files(settings.max_files)
    receiver = Receiver(kept, most=settings.max_file_bytes)
    files: list[Received] = []
    for each in offered:
        if receiver.is_address(each.content):
            files.append(await receiver.fetched(each, gateway.fetcher))
        else:
            files.append(await asyncio.to_thread(receiver.received, each))
    kept.check()
    if sum(file.given.size for file in files) > settings.max_files_bytes:
        raise ApiError(
            413,
            f"the files are larger than {settings.max_files_bytes} bytes altogether",
            param="file",
            code="files_too_large",
        )
    added = await asyncio.gather(*(_add(gateway, project, base_id, file) for file in files))
    return [(file, *await state(gateway, project, file)) for file in added]


async def state(gateway: Gateway, project: str, file: File) -> tuple[State, str]:
    """How far a file is, and why it failed if it did."""
    return await knowledge_files.state(gateway.store, project, file, gateway.clock())


async def _add(gateway: Gateway, project: str, base_id: str, received: Received) -> File:
    """A client that gave up and asks again waits for what it began, and finds it done."""
    key = knowledge_files.file_id(base_id, received.given)
    async with gateway.adding.setdefault(key, asyncio.Lock()):
        return await _add_alone(gateway, project, base_id, received)


async def _add_alone(gateway: Gateway, project: str, base_id: str, received: Received) -> File:
    key = knowledge_files.file_id(base_id, received.given)
    for there in await knowledge_files.find(gateway.registry, project, [key]):
        if await knowledge_files.is_recorded(gateway.store, project, there):
            return there
    try:
        read, why_not = await gateway.documents.read(received.content, received.format), ""
    except DocumentError as error:
        read, why_not = [], str(error)
    file = await knowledge_files.add(
        gateway.store,
        gateway.registry,
        gateway.turn_log,
        project=project,
        base_id=base_id,
        given=received.given,
        read=read,
        error=why_not,
        now=gateway.clock(),
    )
    if file is None:
        raise ApiError(
            409,
            "the file or its knowledge base is being deleted; a deletion that was interrupted is"
            " finished by asking for it again",
            code="being_deleted",
        )
    return file
