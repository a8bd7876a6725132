"""What `Apart` runs: the models that are set do a word, the data folder is opened and closed.

Each outcome is a line of JSON on standard output.
"""

import asyncio
import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.adapters.edge_folder import open_folder
from gateway.adapters.sealing import Seal
from gateway.doctor.folder import is_made
from gateway.errors import DataFolderInUseError, EmbeddingError, RerankerError, StartupError
from gateway.parts import load_reranker, open_embedder, seal
from gateway.settings import Settings, load_settings

LONGEST = 300  # characters of a reason


async def embeds(settings: Settings) -> dict[str, Any]:
    """`dimension` and `seconds`, or what is `wrong`."""
    begun = time.monotonic()
    try:
        embedder = open_embedder(settings, lambda _: None)
        try:
            await embedder.embed_query("word")
        finally:
            await embedder.aclose()
    except (StartupError, EmbeddingError) as error:
        return {"wrong": str(error)[:LONGEST]}
    return {"dimension": embedder.dimension, "seconds": time.monotonic() - begun}


async def scores(settings: Settings) -> dict[str, Any]:
    """In how many `seconds` the reranker scores a word, or what is `wrong`."""
    begun = time.monotonic()
    try:
        reranker = load_reranker(settings, lambda _: None)
        try:
            await reranker.score("word", ["word"])
        finally:
            await reranker.aclose()
    except (StartupError, RerankerError) as error:
        return {"wrong": str(error)[:LONGEST]}
    return {"seconds": time.monotonic() - begun}


def opens(folder: Path, model: str, dimension: int, keys: Seal) -> dict[str, Any]:
    """How many `memories` and `turns`, that it is `in_use`, or what is `wrong`."""
    try:
        with closing(open_folder(folder, model=model, dimension=dimension, seal=keys)) as opened:
            return {"memories": opened.memories.count(), "turns": opened.turns.count()}
    except DataFolderInUseError:
        return {"in_use": True}
    except StartupError as error:
        return {"wrong": str(error)[:LONGEST]}


def main() -> None:
    settings = load_settings()
    _tell({})
    embedding = asyncio.run(embeds(settings))
    _tell(embedding)
    if "dimension" in embedding and not settings.qdrant_url and is_made(settings):
        # Only one that is there: opening another would make it.
        dimension = embedding["dimension"]
        _tell(opens(settings.data_dir, settings.embedding_model, dimension, seal(settings)))
    if settings.reranker_model:
        _tell(asyncio.run(scores(settings)))


def _tell(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
