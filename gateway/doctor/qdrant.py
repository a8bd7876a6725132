"""Whether the Qdrant server answers, fits this gateway, and was made with its embedding model."""

import asyncio
import re

from gateway.adapters import qdrant_failures
from gateway.adapters.qdrant import server_client
from gateway.adapters.qdrant_collections import Collections, Layout
from gateway.doctor.finding import Finding, State
from gateway.doctor.folder import PART
from gateway.errors import ModelMismatchError, StartupError
from gateway.parts import seal
from gateway.settings import Settings

_MEND = {
    qdrant_failures.UNREACHABLE: "is it up, and is GATEWAY_QDRANT_URL right?",
    qdrant_failures.TIMEOUT: "is it busy, or does a firewall drop what is sent?",
    qdrant_failures.UNAUTHORISED: "set GATEWAY_QDRANT_API_KEY to the server's key",
    qdrant_failures.MISSING: "GATEWAY_QDRANT_URL should be the address of its REST API, port 6333",
    qdrant_failures.GARBLED: "GATEWAY_QDRANT_URL should be the address of its REST API, port 6333",
    qdrant_failures.BUSY: "it limits its requests: give it more, or ask it less",
    qdrant_failures.FAILING: "its own log says why",
    qdrant_failures.REFUSED: "its own log says why",
}


async def check_qdrant(settings: Settings, dimension: int, patience: float) -> Finding:
    """`dimension` is the embedding model's."""
    url = re.sub(r"//[^/@]*@", "//", settings.qdrant_url)
    client = server_client(settings.qdrant_url, settings.qdrant_api_key.get_secret_value())
    collections = Collections(
        client,
        Layout(prefix=settings.qdrant_prefix),
        model=settings.embedding_model,
        dimension=dimension,
        seal=seal(settings),
    )
    try:
        async with asyncio.timeout(patience):
            version, memories = await collections.look()
    except ModelMismatchError as error:
        mend = "set GATEWAY_EMBEDDING_MODEL as it was, or another GATEWAY_QDRANT_PREFIX"
        return Finding(PART, State.WRONG, str(error), mend)
    except StartupError as error:
        return Finding(PART, State.WRONG, f"Qdrant at {url}: {error}")
    except Exception as error:  # noqa: BLE001  the client and its transport share no class of error
        reason = qdrant_failures.reason_of(error)
        return Finding(PART, State.WRONG, f"Qdrant at {url}: {reason}", _MEND[reason])
    finally:
        await client.close()
    if memories is None:
        says = f"Qdrant {version} at {url} answers; nothing is kept there yet"
        return Finding(PART, State.NOTE, says, "the first start makes the collections")
    return Finding(PART, State.OK, f"Qdrant {version} at {url}: {memories} memories")
