"""/v1/knowledge-bases: knowledge bases, their files, and what was read out of them."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http import files
from gateway.http.contents import MOST_NAME, FileContent, FileName, FileType, Offered
from gateway.http.errors import ApiError
from gateway.http.files import WithFiles
from gateway.http.gateway import Gateway
from gateway.http.memories.resource import Asked
from gateway.http.operation import Data, Operation
from gateway.memory import knowledge, knowledge_files
from gateway.memory.knowledge import Base, TooManyBasesError
from gateway.memory.knowledge_files import File, State
from gateway.memory.model import Memory

_MOST_ID = 100
_MANY = 1000  # files that a request may name; how many it may bring is a setting


class OfBase(Asked):
    """What concerns one knowledge base."""

    knowledgebase_id: str = Field(
        min_length=1, max_length=_MOST_ID, description="The knowledge base's id."
    )


class OfFile(OfBase):
    """What concerns one of its files."""

    file_id: str = Field(min_length=1, max_length=_MOST_ID, description="The file's id.")


class NewBase(Asked):
    name: str = Field(min_length=1, max_length=MOST_NAME, description="What it is called.")
    description: str = Field("", max_length=10_000, description="What it is for, for people.")


class ListBases(Asked):
    page: int = Field(1, ge=1, le=1_000_000, description="Which page; the first is 1.")
    limit: int = Field(20, ge=1, le=100, description="How many bases a page has.")


class ListFiles(OfBase):
    page: int = Field(1, ge=1, le=1_000_000, description="Which page; the first is 1.")
    limit: int = Field(20, ge=1, le=100, description="How many files a page has.")
    type: Literal["document", "skill"] | None = Field(None, description="Files of this type only.")


class GetFile(OfFile):
    page: int = Field(1, ge=1, le=1_000_000, description="Which page of `chunks`, from 1.")
    limit: int = Field(20, ge=1, le=100, description="How many chunks a page has.")


class NewFile(Asked):
    """A file to add."""

    name: FileName = ""
    type: FileType = "document"
    content: FileContent


class NewFiles(OfBase, WithFiles):
    files: list[NewFile] = Field(
        min_length=1, max_length=_MANY, description="PDF, DOCX, TXT, JSON, MD or XML."
    )


class BaseItem(TypedDict):
    id: str
    object: str
    name: str
    description: str
    created_at: int


class BaseList(TypedDict):
    object: str
    data: list[BaseItem]
    total: int
    page: int
    limit: int
    has_more: bool


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


class FileList(TypedDict):
    object: str
    data: list[FileItem]
    total: int
    page: int
    limit: int
    has_more: bool


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


class ChunkList(TypedDict):
    object: str
    data: list[ChunkItem]
    total: int
    page: int
    limit: int
    has_more: bool


class WholeFile(FileItem):
    read: ChunkList


class Deleted(TypedDict):
    id: str
    object: str
    deleted: bool


async def create_base(gateway: Gateway, project: str, asked: NewBase) -> Data:
    """Make a knowledge base. Two may bear one name; a project has at most 100."""
    try:
        base = await knowledge.create(
            gateway.registry,
            project,
            name=asked.name,
            description=asked.description,
            now=gateway.clock(),
        )
    except TooManyBasesError as error:
        raise ApiError(409, str(error), code="too_many_knowledge_bases") from None
    return _base(base)


async def list_bases(gateway: Gateway, project: str, asked: ListBases) -> Data:
    """A page of the project's knowledge bases, latest made first."""
    offset = (asked.page - 1) * asked.limit
    bases, total = await knowledge.listed(
        gateway.registry, project, limit=asked.limit, offset=offset
    )
    return _page([_base(base) for base in bases], total, asked.page, asked.limit)


async def get_base(gateway: Gateway, project: str, asked: OfBase) -> Data:
    """One knowledge base."""
    return _base(await knowledge.find(gateway.registry, project, asked.knowledgebase_id))


async def delete_base(gateway: Gateway, project: str, asked: OfBase) -> Data:
    """Delete a knowledge base with its files and all that was read out of them, for good."""
    await knowledge.delete(gateway.store, gateway.registry, project, asked.knowledgebase_id)
    return {"id": asked.knowledgebase_id, "object": "knowledge_base", "deleted": True}


async def add_files(gateway: Gateway, project: str, asked: NewFiles) -> Data:
    """Add files: as JSON, or as a form with parts named `file` and perhaps a field `type`.

    They are read before this answers, found by their words from then on, and by their meaning once
    their status is `completed`. One that cannot be read is `failed` and says why; one of a type
    that is not read refuses the request. The same file added again adds nothing.
    """
    offered = [Offered(name=f.name, type=f.type, content=f.content) for f in asked.files]
    added = await files.add(gateway, project, asked.knowledgebase_id, offered, asked.kept)
    return {"object": "list", "data": [_file(*each) for each in added]}


async def list_files(gateway: Gateway, project: str, asked: ListFiles) -> Data:
    """A page of a knowledge base's files, latest added first, with their status."""
    await knowledge.find(gateway.registry, project, asked.knowledgebase_id)
    found, total = await knowledge_files.listed(
        gateway.registry,
        project,
        asked.knowledgebase_id,
        type_=asked.type,
        limit=asked.limit,
        offset=(asked.page - 1) * asked.limit,
    )
    states = await asyncio.gather(*(files.state(gateway, project, each) for each in found))
    items = [_file(each, *told) for each, told in zip(found, states, strict=True)]
    return _page(items, total, asked.page, asked.limit)


async def get_file(gateway: Gateway, project: str, asked: GetFile) -> Data:
    """One file, its status, and page by page what was read out of it."""
    file = await _find(gateway, project, asked)
    chunks, total = await knowledge_files.chunks(
        gateway.store,
        project,
        file,
        limit=asked.limit,
        offset=(asked.page - 1) * asked.limit,
    )
    item = _file(file, *await files.state(gateway, project, file))
    read = _page([_chunk(chunk) for chunk in chunks], total, asked.page, asked.limit)
    return {**item, "read": read}


async def delete_file(gateway: Gateway, project: str, asked: OfFile) -> Data:
    """Delete a file with all that was read out of it, for good."""
    await knowledge.find(gateway.registry, project, asked.knowledgebase_id)
    there = await knowledge_files.find(gateway.registry, project, [asked.file_id])
    elsewhere = any(file.base != asked.knowledgebase_id for file in there)
    if elsewhere or not await knowledge_files.delete(
        gateway.store, gateway.registry, project, asked.file_id
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


def _base(base: Base) -> dict[str, Any]:
    return {
        "id": base.id,
        "object": "knowledge_base",
        "name": base.name,
        "description": base.description,
        "created_at": base.created,
    }


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


def _page(items: list[dict[str, Any]], total: int, page: int, limit: int) -> dict[str, Any]:
    return {
        "object": "list",
        "data": items,
        "total": total,
        "page": page,
        "limit": limit,
        "has_more": page * limit < total,
    }


def _from_form(fields: Mapping[str, str], parts: list[dict[str, str]]) -> Mapping[str, Any]:
    return {"files": [part | {"type": fields.get("type")} for part in parts]}


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(path="knowledge-bases", asked=NewBase, answer=BaseItem, work=create_base),
    Operation(
        method="GET", path="knowledge-bases", asked=ListBases, answer=BaseList, work=list_bases
    ),
    Operation(
        method="GET",
        path="knowledge-bases/{knowledgebase_id}",
        asked=OfBase,
        answer=BaseItem,
        work=get_base,
    ),
    Operation(
        method="DELETE",
        path="knowledge-bases/{knowledgebase_id}",
        asked=OfBase,
        answer=Deleted,
        work=delete_base,
    ),
    Operation(
        path="knowledge-bases/{knowledgebase_id}/files",
        asked=NewFiles,
        answer=AddedFiles,
        work=add_files,
        from_form=_from_form,
    ),
    Operation(
        method="GET",
        path="knowledge-bases/{knowledgebase_id}/files",
        asked=ListFiles,
        answer=FileList,
        work=list_files,
    ),
    Operation(
        method="GET",
        path="knowledge-bases/{knowledgebase_id}/files/{file_id}",
        asked=GetFile,
        answer=WholeFile,
        work=get_file,
    ),
    Operation(
        method="DELETE",
        path="knowledge-bases/{knowledgebase_id}/files/{file_id}",
        asked=OfFile,
        answer=Deleted,
        work=delete_file,
    ),
)
