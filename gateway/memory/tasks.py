"""Tasks: a turn's learning, or that of several turns which were added as one.

A task goes by the id of its first turn. Where there are several, an entry of the project names
them.
"""

from collections.abc import Sequence

from gateway.memory.model import Entry, Millis, Turn, project_wide
from gateway.memory.ports import Registry, Store

TASK = "task"  # the kind of such an entry


async def note(registry: Registry, turns: Sequence[Turn], *, now: Millis) -> str:
    """The id of the task that these turns of one project are. Raises StoreError."""
    task, project = turns[0].id, turns[0].scope.project
    if len(turns) > 1:
        value = {"turns": [turn.id for turn in turns]}
        entry = Entry(kind=TASK, id=task, value=value, created=now, updated=now)
        await registry.put_entry(project_wide(project), entry)
    return task


async def turns_of(store: Store, registry: Registry, project: str, task_id: str) -> list[Turn]:
    """The turns of a task that are there; none, where there is no such task. Raises StoreError."""
    entries = await registry.get_entries(project_wide(project), TASK, [task_id])
    ids = [each for entry in entries for each in entry.value["turns"]] or [task_id]
    turns = [await store.get_turn(project, each) for each in ids]
    return [turn for turn in turns if turn is not None]
