"""The knowledge base endpoints: bases, and the files in them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from gateway.errors import NoSuchKnowledgeBaseError
from gateway.http import files
from gateway.http.files import MB, MOST_NAME, MOST_NAMED, NamedFile, Told, WithFiles
from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body, Id
from gateway.http.operation import Data, Operation
from gateway.memory import knowledge, knowledge_deletion, knowledge_files
from gateway.memory.knowledge import TooManyBasesError
from gateway.memory.knowledge_files import Type

_MOST_IDS = 100

Ids = Annotated[list[Id], Field(min_length=1, max_length=_MOST_IDS)]


class CreateKnowledgeBase(Body):
    knowledgebase_name: str = Field(
        min_length=1, max_length=MOST_NAME, description="What the knowledge base is called."
    )
    knowledgebase_description: str = Field(
        "", max_length=10_000, description="What it is for, for people."
    )


class Created(TypedDict):
    id: str


class DeleteKnowledgeBase(Body):
    knowledgebase_id: Id = Field(description="The knowledge base.")


class Done(TypedDict):
    success: bool


class FileGiven(Body, NamedFile):
    """A file to add."""


class AddFiles(Body, WithFiles):
    knowledgebase_id: Id = Field(description="The knowledge base.")
    file: list[FileGiven] = Field(
        min_length=1, max_length=MOST_NAMED, description="PDF, DOCX, TXT, JSON, MD or XML."
    )


class AddedFile(TypedDict):
    id: str
    type: str
    name: str
    sizeMB: float
    status: str


class GetFiles(Body):
    file_ids: Ids | None = Field(None, description="These files; else `knowledgebase_id`.")
    knowledgebase_id: Id | None = Field(None, description="The files of this base.")
    type: Type | None = Field(None, description="Of the base's files, those of this type.")
    page: int = Field(1, ge=1, le=1_000_000, description="Which page, from 1.")
    page_size: int = Field(20, ge=1, le=100, description="Files on a page.")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "GetFiles":
        if self.file_ids is None and self.knowledgebase_id is None:
            raise Code.EMPTY.problem("either file_ids or knowledgebase_id is required")
        if self.file_ids is not None and self.knowledgebase_id is not None:
            raise Code.INVALID.problem("file_ids and knowledgebase_id exclude each other")
        return self


class FileDetail(TypedDict):
    id: str
    type: str
    name: str
    size: str
    status: str


class FilePage(TypedDict):
    total: int
    page: int
    page_size: int
    file_detail_list: list[FileDetail]


class DeleteFiles(Body):
    file_ids: Ids = Field(description="The files to delete.")


async def create_knowledge_base(gateway: Gateway, project: str, body: CreateKnowledgeBase) -> Data:
    """Make a knowledge base, which belongs to the project of the key.

    Two may bear one name. A project has at most 100.
    """
    try:
        base = await knowledge.create(
            gateway.registry,
            project,
            name=body.knowledgebase_name,
            description=body.knowledgebase_description,
            now=gateway.clock(),
        )
    except TooManyBasesError as error:
        raise Code.INVALID.error(str(error)) from None
    return {"id": base.id}


async def delete_knowledge_base(gateway: Gateway, project: str, body: DeleteKnowledgeBase) -> Data:
    """Delete a knowledge base with its files and all that was read out of them, for good."""
    with _base_must_be_there():
        await knowledge_deletion.delete_base(
            gateway.store,
            gateway.registry,
            project,
            body.knowledgebase_id,
            now=gateway.clock(),
        )
    return {"success": True}


async def add_files(gateway: Gateway, project: str, body: AddFiles) -> Data:
    """Add files to a knowledge base: as JSON, or as a form with parts named `file`.

    They are read before this answers, found by their words from then on, and by their meaning once
    their status is `completed`. One that cannot be read is `failed`; one of a type that is not read
    refuses the request. The same file added again adds nothing. A form has `knowledgebase_id` and
    `type` in its query or its fields.
    """
    with _base_must_be_there():
        added = await files.add(gateway, project, body.knowledgebase_id, body.file, body.kept)
    return [
        {
            "id": file.id,
            "type": file.type,
            "name": file.name,
            "sizeMB": round(file.size / MB, 6),
            "status": state.value,
        }
        for file, state, _ in added
    ]


async def get_files(gateway: Gateway, project: str, body: GetFiles) -> Data:
    """These files, or a page of a knowledge base's files, latest added first, with their status.

    Of several ids, those that are unknown are left out.
    """
    if body.file_ids is not None:
        found = await knowledge_files.find(gateway.registry, project, body.file_ids)
        if not found:
            raise _no_such_files()
        told = await files.told(gateway, project, found)
        total, page, size = len(found), 1, len(found)
    else:
        page, size = body.page, body.page_size
        with _base_must_be_there():
            told, total = await files.listed(
                gateway,
                project,
                body.knowledgebase_id or "",
                type_=body.type,
                limit=size,
                offset=(page - 1) * size,
            )
    return {
        "total": total,
        "page": page,
        "page_size": size,
        "file_detail_list": [_detail(each) for each in told],
    }


def _detail(told: Told) -> dict[str, str]:
    file, state, _ = told
    return {
        "id": file.id,
        "type": file.type,
        "name": file.name,
        "size": f"{file.size / MB:.3f}MB",
        "status": state.value,
    }


async def delete_files(gateway: Gateway, project: str, body: DeleteFiles) -> Data:
    """Delete files with all that was read out of them, for good.

    Of several ids, those that are unknown are left out; 40001 when all are.
    """
    gone = [
        await knowledge_deletion.delete_file(
            gateway.store, gateway.registry, project, each, now=gateway.clock()
        )
        for each in dict.fromkeys(body.file_ids)
    ]
    if not any(gone):
        raise _no_such_files()
    return {"success": True}


@contextmanager
def _base_must_be_there() -> Iterator[None]:
    """The API has one code for a base that is asked itself, and another for one to search."""
    try:
        yield
    except NoSuchKnowledgeBaseError:
        raise Code.BASE_NOT_FOUND.error(param="knowledgebase_id") from None


def _no_such_files() -> Exception:
    return Code.NOT_FOUND.error("there are no such files", param="file_ids")


def _from_form(fields: Mapping[str, str], parts: list[dict[str, str]]) -> Mapping[str, Any]:
    return {
        "knowledgebase_id": fields.get("knowledgebase_id"),
        "file": [part | {"type": fields.get("type")} for part in parts],
    }


OPERATIONS = (
    Operation(
        path="create/knowledgebase",
        asked=CreateKnowledgeBase,
        answer=Created,
        work=create_knowledge_base,
    ),
    Operation(
        path="delete/knowledgebase",
        asked=DeleteKnowledgeBase,
        answer=Done,
        work=delete_knowledge_base,
    ),
    Operation(
        path="add/knowledgebase-file",
        asked=AddFiles,
        answer=list[AddedFile],
        work=add_files,
        from_form=_from_form,
    ),
    Operation(path="get/knowledgebase-file", asked=GetFiles, answer=FilePage, work=get_files),
    Operation(path="delete/knowledgebase-file", asked=DeleteFiles, answer=Done, work=delete_files),
)
