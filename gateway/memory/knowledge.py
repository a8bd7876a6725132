"""Knowledge bases: what a project has of them, and where what they hold is searched.

A base is an `Entry` of the project. What was read out of its files, and what was written to it, are
memories in a scope of its own. A base of another project is as unknown as one that never was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from gateway.errors import NoSuchKnowledgeBaseError
from gateway.memory.model import Entry, Millis, Scope, knowledge_base, project_wide
from gateway.memory.ports import Registry

BASE = "base"  # the kinds of entries: of a base, of one of its files
FILE = "file"

MOST_BASES = 100  # of one project: each that is asked is a search of its own
ALL = "all"


class TooManyBasesError(ValueError):
    """The project has as many knowledge bases as it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A knowledge base as its project sees it."""

    id: str
    name: str
    description: str
    created: Millis


async def create(
    registry: Registry, project: str, *, name: str, description: str, now: Millis
) -> Base:
    """Make a base, empty; two may bear one name. Raises TooManyBasesError, StoreError."""
    _, there = await registry.list_entries(project_wide(project), BASE, limit=1)
    if there >= MOST_BASES:
        raise TooManyBasesError(f"a project has at most {MOST_BASES} knowledge bases")
    base = Base(id=f"base{uuid4()}", name=name, description=description, created=now)
    value = {"name": name, "description": description}
    entry = Entry(kind=BASE, id=base.id, value=value, created=now, updated=now)
    await registry.put_entry(project_wide(project), entry)
    return base


async def find(registry: Registry, project: str, base_id: str) -> Base:
    """The base of this id. Raises NoSuchKnowledgeBaseError, StoreError."""
    for entry in await registry.get_entries(project_wide(project), BASE, [base_id]):
        return _base(entry)
    raise NoSuchKnowledgeBaseError(base_id)


async def listed(
    registry: Registry, project: str, *, limit: int, offset: int = 0
) -> tuple[list[Base], int]:
    """A page of the project's bases, latest made first, and how many there are in all."""
    entries, total = await registry.list_entries(
        project_wide(project), BASE, limit=limit, offset=offset
    )
    return [_base(entry) for entry in entries], total


async def resolve(
    registry: Registry, project: str, ids: Sequence[str] | Literal["all"]
) -> tuple[Scope, ...]:
    """The scopes to search for these bases, each once; those of all bases for "all".

    For whoever recalls: `RecallOptions(also=await resolve(gateway.registry, project, ids), ...)`,
    with `Kind.DOCUMENT` among the kinds, for that is what files were read into. Of what comes back,
    `memory.scope.user` is the base's id, and `memory.detail` has the members of documents.Place.
    `ids` may be what MemOS's `knowledgebase_ids` is: a list, one that holds "all", or "all" itself;
    no ids are no bases. Nothing is read for none.

    Raises NoSuchKnowledgeBaseError for an id that the project does not have, which becomes 404: in
    MemOS's shape 50123, in OpenAI's `knowledge_base_not_found`. Raises StoreError.
    """
    if not ids:
        return ()
    if ids == ALL or ALL in ids:
        bases, _ = await listed(registry, project, limit=MOST_BASES)
        return tuple(knowledge_base(project, base.id) for base in bases)
    return await named(registry, project, ids)


async def named(registry: Registry, project: str, ids: Sequence[str]) -> tuple[Scope, ...]:
    """The scopes of these bases, each named by its id, for whoever writes to them.

    Raises NoSuchKnowledgeBaseError, StoreError.
    """
    if not ids:
        return ()
    wanted = list(dict.fromkeys(ids))
    there = await registry.get_entries(project_wide(project), BASE, wanted)
    missing = set(wanted) - {entry.id for entry in there}
    for base_id in wanted:
        if base_id in missing:
            raise NoSuchKnowledgeBaseError(base_id)
    return tuple(knowledge_base(project, base_id) for base_id in wanted)


async def is_kept(registry: Registry, project: str, base_id: str, file_id: str) -> bool:
    """Whether a file is there still, and its base."""
    file = await registry.get_entries(project_wide(project), FILE, [file_id])
    return bool(file) and await is_there(registry, project, base_id)


async def is_there(registry: Registry, project: str, base_id: str) -> bool:
    """Whether the project has this base."""
    return bool(await registry.get_entries(project_wide(project), BASE, [base_id]))


def _base(entry: Entry) -> Base:
    return Base(
        id=entry.id,
        name=entry.value["name"],
        description=entry.value["description"],
        created=entry.created,
    )
