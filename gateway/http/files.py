"""Files into a knowledge base, whichever API they come by: received, read, recorded, told."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeAlias

from pydantic import BaseModel, Field, PrivateAttr

from gateway.errors import DocumentError
from gateway.http.contents import Offered, Received, Receiver
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders, get
from gateway.http.kept import Kept
from gateway.http.operation import Operation
from gateway.http.receiving import too_many_files
from gateway.memory import knowledge, knowledge_files
from gateway.memory.knowledge_files import File, State, Type

MB = 2**20
SMALL = MB  # bytes of an upload that waits for no other
MOST_NAME = 255  # characters
MOST_NAMED = 1000  # files that a request may name; how many it may bring is a setting


# A file, how far it is, and why it failed if it did.
Told: TypeAlias = tuple[File, State, str]


class NamedFile(BaseModel):
    """What a request says of a file that it brings, in either API."""

    name: str = Field(
        "", max_length=MOST_NAME, description="Its name; the ending says which format it is in."
    )
    type: Type = Field(
        "document",
        description="`skill` for Markdown that begins with a name and a description, or for an"
        " archive with such a SKILL.md.",
    )
    content: str = Field(
        min_length=1,
        description="The file in base64, a data URI, or its text where it is one. A URL is"
        " refused, unless the gateway was told which hosts it may fetch from.",
    )


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
    gateway: Gateway, project: str, base_id: str, named: Sequence[NamedFile], kept: Kept
) -> list[Told]:
    """Add files to a base.

    All are received before any is added: one that is refused refuses them all. One that cannot be
    read is added as failed. What was added is kept, and found by its words, when this returns.

    Raises NoSuchKnowledgeBaseError, ApiError as Receiver does, StoreError.
    """
    settings = gateway.settings
    await knowledge.find(gateway.registry, project, base_id)
    if len(named) > settings.max_files:
        raise too_many_files(settings.max_files)
    receiver = Receiver(kept, most=settings.max_file_bytes)
    files: list[Received] = []
    for one in named:
        each = Offered(name=one.name, type=one.type, content=one.content)
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
    return await told(gateway, project, added)


async def listed(
    gateway: Gateway, project: str, base_id: str, *, type_: Type | None, limit: int, offset: int
) -> tuple[list[Told], int]:
    """A page of a base's files, latest added first, and how many there are.

    Of one type, if that is asked. Raises NoSuchKnowledgeBaseError, StoreError.
    """
    await knowledge.find(gateway.registry, project, base_id)
    found, total = await knowledge_files.listed(
        gateway.registry, project, base_id, type_=type_, limit=limit, offset=offset
    )
    return await told(gateway, project, found), total


async def told(gateway: Gateway, project: str, files: Sequence[File]) -> list[Told]:
    """These files and how they are. Raises StoreError."""
    now = gateway.clock()
    states = await asyncio.gather(
        *(knowledge_files.state(gateway.store, project, file, now) for file in files)
    )
    return [(file, *state) for file, state in zip(files, states, strict=True)]


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
            " finished within minutes, or by asking for it again",
            code="being_deleted",
        )
    return file
