"""/v1/knowledge-bases: a project's knowledge bases, made, listed and deleted."""

from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http.asking import Asked
from gateway.http.errors import ApiError
from gateway.http.files import MOST_NAME
from gateway.http.gateway import Gateway
from gateway.http.memories.items import Deleted
from gateway.http.memories.pages import Page, Paged, page
from gateway.http.operation import Data, Operation
from gateway.memory import knowledge, knowledge_deletion
from gateway.memory.knowledge import Base, TooManyBasesError

MOST_ID = 100  # characters


class OfBase(Asked):
    """What concerns one knowledge base."""

    knowledgebase_id: str = Field(
        min_length=1, max_length=MOST_ID, description="The knowledge base's id."
    )


class NewBase(Asked):
    name: str = Field(min_length=1, max_length=MOST_NAME, description="What it is called.")
    description: str = Field("", max_length=10_000, description="What it is for, for people.")


class ListBases(Paged):
    """Nothing is asked but the page."""


class BaseItem(TypedDict):
    id: str
    object: str
    name: str
    description: str
    created_at: int


class BaseList(Page):
    data: list[BaseItem]


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
    bases, total = await knowledge.listed(
        gateway.registry, project, limit=asked.limit, offset=asked.offset
    )
    return page([_base(base) for base in bases], total, asked)


async def get_base(gateway: Gateway, project: str, asked: OfBase) -> Data:
    """One knowledge base."""
    return _base(await knowledge.find(gateway.registry, project, asked.knowledgebase_id))


async def delete_base(gateway: Gateway, project: str, asked: OfBase) -> Data:
    """Delete a knowledge base with its files and all that was read out of them, for good."""
    await knowledge_deletion.delete_base(
        gateway.store, gateway.registry, project, asked.knowledgebase_id, now=gateway.clock()
    )
    return {"id": asked.knowledgebase_id, "object": "knowledge_base", "deleted": True}


def _base(base: Base) -> dict[str, Any]:
    return {
        "id": base.id,
        "object": "knowledge_base",
        "name": base.name,
        "description": base.description,
        "created_at": base.created,
    }


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
)
