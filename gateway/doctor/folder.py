"""Whether the data folder can be written and opened, and how much room there is."""

import os
import shutil
from typing import Any

from gateway.doctor.finding import Finding, State
from gateway.doctor.running import Running
from gateway.settings import Settings

PART = "store"
LITTLE = 2**30  # bytes of disk below which it is worth a word
TOO_LITTLE = 100 * 2**20  # below which writes will soon fail


def disk(settings: Settings) -> Finding:
    """Room and rights in the data folder, or where it will be made."""
    folder = settings.data_dir.resolve()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        says = f"{there} cannot be written by this user"
        return Finding("disk", State.WRONG, says, "give it to the user who runs the gateway")
    free = shutil.disk_usage(there).free
    says = f"{free / 2**30:.1f} GiB free in {there}"
    if free < TOO_LITTLE:
        return Finding("disk", State.WRONG, says, "make room: what cannot be written is forgotten")
    if free < LITTLE:
        return Finding("disk", State.NOTE, says, "make room before it is full")
    return Finding("disk", State.OK, says)


def is_made(settings: Settings) -> bool:
    return (settings.data_dir / "memories").is_dir()


def not_made(settings: Settings) -> Finding:
    says = f"there is none in {settings.data_dir.resolve()} yet"
    return Finding(PART, State.NOTE, says, "the first start makes it")


def store(settings: Settings, found: dict[str, Any], running: Running) -> Finding:
    """Of what `inside.opens` found; what a running gateway holds, that gateway speaks of."""
    folder = settings.data_dir
    match found:
        case {"memories": int(memories), "turns": int(turns)}:
            return Finding(PART, State.OK, f"{memories} memories of {turns} turns in {folder}")
        case {"in_use": True}:
            return _held(settings, running)
        case {"wrong": str(reason)}:
            mend = (
                "set GATEWAY_EMBEDDING_MODEL and GATEWAY_ENCRYPTION_KEY as they were,"
                " or put back a copy of the folder"
            )
            return Finding(PART, State.WRONG, reason, mend)
    says = f"{folder} was not opened in time"
    return Finding(
        PART, State.NOTE, says, "a large store, or a busy machine: --patience waits longer"
    )


def _held(settings: Settings, running: Running) -> Finding:
    folder, state = settings.data_dir, running.parts.get("store", "")
    if state == "ok":
        return Finding(PART, State.OK, f"{folder} is held by the gateway that runs, and works")
    if state:
        says = f"{folder} is held by the gateway that runs, which says: {state}"
        return Finding(PART, State.WRONG, says, "see its log, and the disk")
    says = f"{folder} is in use by another process, and no gateway answers on {running.address}"
    return Finding(PART, State.WRONG, says, "set GATEWAY_PORT as for the other one, or end it")
