"""Profiles as items of the lists that the MemOS Cloud API answers with."""

from typing import Any, Literal

from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.times import iso
from gateway.memory import profiles
from gateway.memory.model import Scope, identifier


class ProfileDetail(TypedDict):
    """A profile as an item of `profile_detail_list`."""

    id: str
    project_id: str
    profile_template_id: str
    properties: dict[str, Any]
    status: str
    created_at: str
    updated_at: str


class ProfileField(TypedDict):
    """A field of a profile as an item of the list that a search answers with.

    `profile_category` is the first name on the way to the field, `profile_field` the last. Profiles
    are kept as they were set, so they have no relevance to a question.
    """

    id: str
    memory: str
    memory_type: Literal["ProfileMemory"]
    template_id: str
    profile_category: str
    profile_field: str
    profile_path: str
    status: str
    created_at: str
    updated_at: str
    confidence: float
    algorithm_updatable: bool


async def profile_fields(gateway: Gateway, scope: Scope) -> list[ProfileField]:
    """The fields with a value of all profiles of a user or an agent."""
    return [
        ProfileField(
            id=identifier("profile field", each.id, *path),
            memory=f"{path[-1]}: {_told(field['value'])}",
            memory_type="ProfileMemory",
            template_id=each.template,
            profile_category=path[0],
            profile_field=path[-1],
            profile_path=".".join(path),
            status="activated",
            created_at=iso(each.created),
            updated_at=iso(each.updated),
            confidence=1.0,
            algorithm_updatable=field["algorithm_updatable"],
        )
        for each in await profiles.listed(gateway.registry, scope)
        for path, field in profiles.fields_of(each.tree).items()
        if field["value"] not in (None, "", [])
    ]


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


async def profile_details(gateway: Gateway, scope: Scope) -> list[ProfileDetail]:
    """All profiles of a user or an agent, latest bound first."""
    return [
        ProfileDetail(
            id=each.id,
            project_id=scope.project,
            profile_template_id=each.template,
            properties=dict(each.tree),
            status="activated",
            created_at=iso(each.created),
            updated_at=iso(each.updated),
        )
        for each in await profiles.listed(gateway.registry, scope)
    ]
