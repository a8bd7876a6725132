"""All checks, those at once that do not need each other's outcome."""

import asyncio
from collections.abc import Sequence

from gateway.doctor import folder
from gateway.doctor.apart import Apart
from gateway.doctor.embedding import embedding, not_downloaded, would_download
from gateway.doctor.finding import Finding, State
from gateway.doctor.jobs import check_jobs
from gateway.doctor.qdrant import check_qdrant
from gateway.doctor.reranker import not_looked_at, reranker
from gateway.doctor.running import Running, running_gateway
from gateway.doctor.spooled import spool
from gateway.doctor.upstreams import check_upstreams
from gateway.errors import StartupError
from gateway.settings import Settings, load_settings


async def examine(patience: float) -> list[Finding]:
    """Every part of the gateway that this process's settings describe, each in so many seconds."""
    try:
        settings = load_settings()
    except StartupError as error:
        mend = "README.md lists the settings; nothing else was looked at"
        return [Finding("settings", State.WRONG, str(error), mend)]
    upstreams, running, jobs = await asyncio.gather(
        check_upstreams(settings, patience),
        running_gateway(settings, patience),
        check_jobs(settings, patience),
    )
    return [
        _settings(settings),
        running.finding,
        *upstreams,
        *await _models_and_store(settings, running, patience),
        *jobs,
        spool(settings, running),
        folder.disk(settings),
    ]


def all_well(findings: Sequence[Finding]) -> bool:
    return all(finding.state is not State.WRONG for finding in findings)


def _settings(settings: Settings) -> Finding:
    keys = len(settings.written_keys())
    if settings.auth == "client":
        says = "clients' own keys tell their projects apart"
        return Finding("settings", State.OK, says)
    if not keys:
        says = f"no keys: only this machine is served, on {settings.host}"
        return Finding("settings", State.OK, says)
    projects = len({key.project for key in settings.api_keys})
    return Finding("settings", State.OK, f"keys: {keys}, projects: {projects}")


async def _models_and_store(settings: Settings, running: Running, patience: float) -> list[Finding]:
    if would_download(settings):
        unscored = [not_looked_at()] if settings.reranker_model else []
        return [not_downloaded(settings), _unopened(settings), *unscored]
    async with Apart(patience) as apart:
        found = await _model_and_store(settings, running, apart, patience)
        if settings.reranker_model:
            found.append(reranker(settings, await apart.ask()))
        return found


async def _model_and_store(
    settings: Settings, running: Running, apart: Apart, patience: float
) -> list[Finding]:
    found = await apart.ask()
    model = embedding(settings, found)
    if model.state is not State.OK:
        return [model, _unopened(settings)]
    if settings.qdrant_url:
        return [model, await check_qdrant(settings, found["dimension"], patience)]
    if not folder.is_made(settings):
        return [model, folder.not_made(settings)]
    return [model, folder.store(settings, await apart.ask(), running)]


def _unopened(settings: Settings) -> Finding:
    if not settings.qdrant_url and not folder.is_made(settings):
        return folder.not_made(settings)
    says = "not looked at, for want of the embedding model"
    return Finding(folder.PART, State.NOTE, says, "mend that first")
