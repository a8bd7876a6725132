"""Whether turns wait for the store in the spool, and whether there is room for more."""

from gateway.adapters.spool import bytes_in
from gateway.doctor.finding import Finding, State
from gateway.doctor.running import Running
from gateway.settings import Settings

PART = "spool"
NEARLY_FULL = 0.8


def spool(settings: Settings, running: Running) -> Finding:
    folder, most = settings.data_dir / "spool", settings.spool_max_bytes
    held = bytes_in(folder)
    if not held:
        return Finding(PART, State.OK, "empty")
    says = f"{held / 2**20:.1f} MiB of turns wait in {folder} for the store"
    if held > most * NEARLY_FULL:
        mend = "mend the store soon: turns that no longer fit are lost (GATEWAY_SPOOL_MAX_BYTES)"
        return Finding(PART, State.WRONG, says, mend)
    mend = "they are tried again every few seconds" if running.status else "a start replays them"
    return Finding(PART, State.NOTE, says, mend)
