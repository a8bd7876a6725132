"""Profiles: fields that a project lays down in a template, and their values for one user or agent.

A template is an entry of the project; a profile is one of the user's or agent's own scope that the
template was bound to, with a note of it beside the template. Nothing but a call changes a profile:
`algorithm_updatable` is kept for whoever asks.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from uuid import uuid4

from gateway.memory.model import Entry, Holder, Millis, Scope, identifier, project_wide
from gateway.memory.ports import Registry

TEMPLATE, PROFILE, BINDING = "profile_template", "profile", "profile_binding"

MOST_FIELDS = 200  # of one template or profile
MOST_TEMPLATES = 100  # of one project
DEEPEST = 3  # names on the way to a field
LONGEST_NAME = 100
LONGEST_VALUE = 2_000  # characters

_PAGE = 100

Tree: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str, ...]
Fields: TypeAlias = dict[Path, dict[str, Any]]


class NoSuchProfileError(LookupError):
    """There is no such template, or it is not bound to this user or agent."""


class ProfileError(ValueError):
    """What was sent makes no fields, or too many; the message names the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Fields by name, with the values that a profile begins with; `instances` are its profiles."""

    id: str
    name: str
    tree: Tree
    instances: int
    created: Millis
    updated: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The fields of one user or agent."""

    id: str
    template: str
    tree: Tree
    created: Millis
    updated: Millis


def fields_of(tree: Tree) -> Fields:
    """A tree's fields by their names from the root on. Raises ProfileError.

    A field is an object with a `value`: a text, a number, a boolean, null, or a list of these.
    """
    found: Fields = {}
    _gather(tree, (), found)
    if len(found) > MOST_FIELDS:
        raise ProfileError(f"metadata: more than {MOST_FIELDS} fields")
    return found


def _gather(tree: Tree, path: Path, found: Fields) -> None:
    for name, inner in tree.items():
        here = (*path, name)
        place = ".".join(("metadata", *here))[: 3 * LONGEST_NAME]
        if not 0 < len(name) <= LONGEST_NAME:
            raise ProfileError(f"{place}: a name has 1 to {LONGEST_NAME} characters")
        if not isinstance(inner, Mapping):
            raise ProfileError(f"{place}: is no object")
        if "value" in inner and not isinstance(inner["value"], Mapping):
            found[here] = _field(inner, place)
        elif len(here) == DEEPEST or not inner:
            raise ProfileError(f"{place}: is no field, which has a value")
        else:
            _gather(inner, here, found)


def _field(given: Tree, place: str) -> dict[str, Any]:
    value, updatable = given["value"], given.get("algorithm_updatable")
    values = value if isinstance(value, list) else [value]
    if not all(each is None or isinstance(each, str | int | float) for each in values):
        raise ProfileError(f"{place}: a value is a text, a number, a boolean or a list of these")
    if len(str(value)) > LONGEST_VALUE:
        raise ProfileError(f"{place}: a value has at most {LONGEST_VALUE} characters")
    if updatable is not None and not isinstance(updatable, bool):
        raise ProfileError(f"{place}: algorithm_updatable is a boolean")
    return {"value": value, "algorithm_updatable": updatable is not False}


def tree_of(fields: Fields) -> dict[str, Any]:
    """The tree of these fields. Raises ProfileError where a field stands in another's way."""
    root: dict[str, Any] = {}
    for path, field in fields.items():
        branch = root
        for depth, name in enumerate(path[:-1], 1):
            if path[:depth] in fields:
                raise ProfileError(f"metadata.{'.'.join(path)}: {name} is a field itself")
            branch = branch.setdefault(name, {})
        branch[path[-1]] = field
    return root


def carried_over(fields: Fields, old: Fields, new: Fields) -> Fields:
    """A profile's fields after its template was changed from `old` to `new`.

    What the template gained or changed comes over the profile's own, what it lost goes, and
    anything else stays.
    """
    gone = old.keys() - new.keys()
    changed = {path: field for path, field in new.items() if old.get(path) != field}
    return {path: field for path, field in fields.items() if path not in gone} | changed


async def add_template(
    registry: Registry, project: str, *, name: str, tree: Tree, now: Millis
) -> str:
    """Make a template; its id. Raises ProfileError, StoreError."""
    whole = tree_of(fields_of(tree))
    scope = project_wide(project)
    if (await registry.list_entries(scope, TEMPLATE, limit=1))[1] >= MOST_TEMPLATES:
        raise ProfileError(f"a project has at most {MOST_TEMPLATES} templates")
    made = f"tpl_{uuid4().hex}"
    value = {"name": name, "tree": whole}
    await registry.put_entry(
        scope, Entry(kind=TEMPLATE, id=made, value=value, created=now, updated=now)
    )
    return made


async def template(registry: Registry, project: str, template_id: str) -> Template:
    """Raises NoSuchProfileError, StoreError."""
    return await _template(registry, project, await _entry(registry, project, template_id))


async def templates(
    registry: Registry, project: str, *, limit: int, offset: int
) -> tuple[list[Template], int]:
    """A page, latest made first, and how many there are in all."""
    scope = project_wide(project)
    entries, total = await registry.list_entries(scope, TEMPLATE, limit=limit, offset=offset)
    return [await _template(registry, project, entry) for entry in entries], total


async def update_template(
    registry: Registry,
    project: str,
    template_id: str,
    *,
    name: str | None,
    tree: Tree | None,
    now: Millis,
) -> int:
    """Rename a template or lay its fields down anew, in its profiles too; how many those are.

    See `carried_over`. Raises NoSuchProfileError, ProfileError, StoreError.
    """
    scope, entry = project_wide(project), await _entry(registry, project, template_id)
    old = fields_of(entry.value["tree"])
    new = old if tree is None else fields_of(tree)
    value = {"name": entry.value["name"] if name is None else name, "tree": tree_of(new)}
    await registry.put_entry(scope, replace(entry, value=value, updated=now))
    count = 0
    async for holder in _bound(registry, project, template_id):
        count += 1
        for profile in await registry.get_entries(holder, PROFILE, [template_id]):
            fields = carried_over(fields_of(profile.value["tree"]), old, new)
            await _put(registry, holder, profile, fields, now)
    return count


async def delete_template(registry: Registry, project: str, template_id: str) -> int:
    """Remove a template and its profiles; how many those were. Raises NoSuchProfileError."""
    await _entry(registry, project, template_id)
    bound = [holder async for holder in _bound(registry, project, template_id)]
    for holder in bound:
        await registry.delete_entries(holder, PROFILE, [template_id])
        await registry.delete_entries(
            project_wide(project), BINDING, [_binding(holder, template_id)]
        )
    await registry.delete_entries(project_wide(project), TEMPLATE, [template_id])
    return len(bound)


async def bind(registry: Registry, wanted: Sequence[tuple[Scope, str]], *, now: Millis) -> None:
    """Give each of these users and agents a profile by a template; one that is there stays.

    All of them, or where a template is unknown none. Raises NoSuchProfileError, StoreError.
    """
    entries = [await _entry(registry, holder.project, each) for holder, each in wanted]
    for (holder, template_id), entry in zip(wanted, entries, strict=True):
        # The note comes first: a profile that nothing leads to could not be deleted.
        note = Entry(
            kind=BINDING,
            id=_binding(holder, template_id),
            value={"holder": holder.holder, "user": holder.user},
            created=now,
            updated=now,
            group=template_id,
        )
        await registry.put_entry(project_wide(holder.project), note)
        if not await registry.get_entries(holder, PROFILE, [template_id]):
            value = {"tree": entry.value["tree"]}
            profile = Entry(kind=PROFILE, id=template_id, value=value, created=now, updated=now)
            await registry.put_entry(holder, profile)


async def edit(
    registry: Registry,
    holder: Scope,
    template_id: str,
    *,
    tree: Tree,
    remove: Sequence[str],
    now: Millis,
) -> None:
    """Set these fields of one profile, and take out those that `remove` names as "Category.Field".

    Raises NoSuchProfileError, also for a field that is not there; ProfileError, StoreError.
    """
    profile = await _profile(registry, holder, template_id)
    fields = fields_of(profile.value["tree"])
    for name in remove:
        path = next((path for path in fields if ".".join(path) == name), None)
        if path is None:
            raise NoSuchProfileError("remove_fields: the profile has no such field")
        del fields[path]
    await _put(registry, holder, profile, fields | fields_of(tree), now)


async def delete(registry: Registry, holder: Scope, template_id: str) -> None:
    """Remove one profile. Raises NoSuchProfileError, StoreError."""
    await _profile(registry, holder, template_id)
    await _forget(registry, holder, [template_id])


async def listed(registry: Registry, holder: Scope) -> list[Profile]:
    """All profiles of a user or an agent, latest bound first."""
    entries, _ = await registry.list_entries(holder, PROFILE, limit=MOST_TEMPLATES)
    return [
        Profile(
            id=identifier("profile", *holder.parts, entry.id),
            template=entry.id,
            tree=entry.value["tree"],
            created=entry.created,
            updated=entry.updated,
        )
        for entry in entries
    ]


async def forget(registry: Registry, holder: Scope) -> int:
    """Remove all profiles of a user or an agent; how many there were. Raises StoreError."""
    bound, _ = await registry.list_entries(holder, PROFILE, limit=MOST_TEMPLATES)
    if bound:
        await _forget(registry, holder, [entry.id for entry in bound])
    return len(bound)


async def _forget(registry: Registry, holder: Scope, templates: Sequence[str]) -> None:
    await registry.delete_entries(holder, PROFILE, templates)
    notes = [_binding(holder, each) for each in templates]
    await registry.delete_entries(project_wide(holder.project), BINDING, notes)


async def _put(
    registry: Registry, holder: Scope, profile: Entry, fields: Fields, now: Millis
) -> None:
    if len(fields) > MOST_FIELDS:
        raise ProfileError(f"metadata: more than {MOST_FIELDS} fields")
    await registry.put_entry(holder, replace(profile, value={"tree": tree_of(fields)}, updated=now))


async def _entry(registry: Registry, project: str, template_id: str) -> Entry:
    for entry in await registry.get_entries(project_wide(project), TEMPLATE, [template_id]):
        return entry
    raise NoSuchProfileError("profile_template_id: there is no such template")


async def _profile(registry: Registry, holder: Scope, template_id: str) -> Entry:
    for entry in await registry.get_entries(holder, PROFILE, [template_id]):
        return entry
    raise NoSuchProfileError("profile_template_id: no such template is bound to this user or agent")


async def _template(registry: Registry, project: str, entry: Entry) -> Template:
    scope = project_wide(project)
    _, instances = await registry.list_entries(scope, BINDING, group=entry.id, limit=1)
    return Template(
        id=entry.id,
        name=entry.value["name"],
        tree=entry.value["tree"],
        instances=instances,
        created=entry.created,
        updated=entry.updated,
    )


async def _bound(registry: Registry, project: str, template_id: str) -> AsyncIterator[Scope]:
    """Whom a template is bound to."""
    offset, scope = 0, project_wide(project)
    while True:
        notes, total = await registry.list_entries(
            scope, BINDING, group=template_id, limit=_PAGE, offset=offset
        )
        for note in notes:
            yield Scope(project, note.value["user"], Holder(note.value["holder"]))
        offset += len(notes)
        if not notes or offset >= total:
            return


def _binding(holder: Scope, template_id: str) -> str:
    return identifier("binding", *holder.parts, template_id)
