"""/v1/knowledge-bases/{knowledgebase_id}/files: its files, and what was read out of them."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http import files
from gateway.http.asking import Asked
from gateway.http.errors import ApiError
from gateway.http.files import MOST_NAMED, NamedFile, WithFiles
from gateway.http.gateway import Gateway
from gateway.http.memories.items import Deleted
from gateway.http.memories.knowledge_bases import MOST_ID, OfBase
from gateway.http.memories.pages import Page, Paged, page
from gateway.http.operation import Data, Operation
from gateway.memory import knowledge, knowledge_deletion, knowledge_files
from gateway.memory.knowledge_files import File, State, Type
from gateway.memory.model import Memory

_FILES = "knowledge-bases/{knowledgebase_id}/files"
_FILE = _FILES + "/{file_id}"


class OfFile(OfBase):
    """What concerns one of its files."""

    file_id: str = Field(min_length=1, max_length=MOST_ID, description="The file's id.")


class ListFiles(Paged, OfBase):
    type: Type | None = Field(None, description="Files of this type only.")


class GetFile(Paged, OfFile):
    """The page is one of what was read out of the file."""


class NewFile(Asked, NamedFile):
    """A file to add."""


class NewFiles(OfBase, WithFiles):
    files: list[NewFile] = Field(
        min_length=1, max_length=MOST_NAMED, description="PDF, DOCX, TXT, JSON, MD or XML."
    )


class FileItem(TypedDict):
    id: str
    object: str
    knowledgebase_id: str
    name: str
    type: str
    bytes: int
    status: str
    error: str | None
    chunks: int
    created_at: int


class FileList(Page):
    data: list[FileItem]


class AddedFiles(TypedDict):
    object: str
    data: list[FileItem]


class ChunkItem(TypedDict):
    id: str
    object: str
    number: int
    page: int | None
    heading: str
    content: str


class ChunkList(Page):
    data: list[ChunkItem]


class WholeFile(FileItem):
    read: ChunkList


async def add_files(gateway: Gateway, project: str, asked: NewFiles) -> Data:
    """Add files: as JSON, or as a form with parts named `file` and perhaps a field `type`.

    They are read before this answers, found by their words from then on, and by their meaning once
    their status is `completed`. One that cannot be read is `failed` and says why; one of a type
    that is not read refuses the request. The same file added again adds nothing.
    """
    added = await files.add(gateway, project, asked.knowledgebase_id, asked.files, asked.kept)
    return {"object": "list", "data": [_file(*each) for each in added]}


async def list_files(gateway: Gateway, project: str, asked: ListFiles) -> Data:
    """A page of a knowledge base's files, latest added first, with their status."""
    told, total = await files.listed(
        gateway,
        project,
        asked.knowledgebase_id,
        type_=asked.type,
        limit=asked.limit,
        offset=asked.offset,
    )
    return page([_file(*each) for each in told], total, asked)


async def get_file(gateway: Gateway, project: str, asked: GetFile) -> Data:
    """One file, its status, and page by page what was read out of it."""
    file = await _find(gateway, project, asked)
    chunks, total = await knowledge_files.chunks(
        gateway.store, project, file, limit=asked.limit, offset=asked.offset
    )
    [told] = await files.told(gateway, project, [file])
    return {**_file(*told), "read": page([_chunk(chunk) for chunk in chunks], total, asked)}


async def delete_file(gateway: Gateway, project: str, asked: OfFile) -> Data:
    """Delete a file with all that was read out of it, for good."""
    await knowledge.find(gateway.registry, project, asked.knowledgebase_id)
    there = await knowledge_files.find(gateway.registry, project, [asked.file_id])
    elsewhere = any(file.base != asked.knowledgebase_id for file in there)
    if elsewhere or not await knowledge_deletion.delete_file(
        gateway.store, gateway.registry, project, asked.file_id, now=gateway.clock()
    ):
        raise _no_such_file(asked.file_id)
    return {"id": asked.file_id, "object": "knowledge_base.file", "deleted": True}


async def _find(gateway: Gateway, project: str, asked: OfFile) -> File:
    await knowledge.find(gateway.registry, project, asked.knowledgebase_id)
    for file in await knowledge_files.find(gateway.registry, project, [asked.file_id]):
        if file.base == asked.knowledgebase_id:
            return file
    raise _no_such_file(asked.file_id)


def _no_such_file(file_id: str) -> ApiError:
    return ApiError(
        404, f"there is no file {file_id!r} in it", param="file_id", code="file_not_found"
    )


def _file(file: File, state: State, error: str) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "knowledge_base.file",
        "knowledgebase_id": file.base,
        "name": file.name,
        "type": file.type,
        "bytes": file.size,
        "status": state.value,
        "error": error or None,
        "chunks": file.chunks,
        "created_at": file.created,
    }


def _chunk(memory: Memory) -> dict[str, Any]:
    return {
        "id": memory.id,
        "object": "knowledge_base.chunk",
        "number": memory.position,
        "page": memory.detail["page"] or None,
        "heading": memory.detail["heading"],
        "content": memory.text,
    }


def _from_form(fields: Mapping[str, str], parts: list[dict[str, str]]) -> Mapping[str, Any]:
    return {"files": [part | {"type": fields.get("type")} for part in parts]}


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(path=_FILES, asked=NewFiles, answer=AddedFiles, work=add_files, from_form=_from_form),
    Operation(method="GET", path=_FILES, asked=ListFiles, answer=FileList, work=list_files),
    Operation(method="GET", path=_FILE, asked=GetFile, answer=WholeFile, work=get_file),
    Operation(method="DELETE", path=_FILE, asked=OfFile, answer=Deleted, work=delete_file),
)
