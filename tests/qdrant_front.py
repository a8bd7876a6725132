"""A Qdrant server to test with: its REST API on a socket, over the Python client's own engine.

`python -m tests.qdrant_front --port 6333 [--path FOLDER] [--api-key KEY]` runs it. What the engine
lacks of a server is made up for here: the list of a collection's indexes, and strict mode, which
refuses a filter on a field without one. `POST /_faults` with a list of faults makes it answer
wrongly from then on; `GET /_asked` says how often each path was asked.
"""

import argparse
import asyncio
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson
import pydantic_core
import uvicorn
from qdrant_client import AsyncQdrantClient, models
from starlette.types import Message, Receive, Scope, Send

VERSION = "1.20.0"
_COLLECTION = re.compile(r"/collections/(?P<name>[^/]+)(?P<rest>/.*)?")


@dataclass(kw_only=True)
class Fault:
    """What happens to the next `times` (None: all) requests whose path contains `path`.

    They wait `delay` seconds; then, where a `status` is given, that and the `body` is the answer.
    Else it is done what they ask, the answer is held back for `late` seconds, and with `cut`, only
    so many bytes of it come before the connection ends.
    """

    path: str = "/"
    times: int | None = None
    delay: float = 0.0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    late: float = 0.0
    cut: int | None = None


class Refused(Exception):  # noqa: N818  an answer, not an error of the front
    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.answer = {"status": {"error": message}, "time": 0.0}


class Front:
    """The ASGI application."""

    def __init__(
        self, client: AsyncQdrantClient, api_key: str = "", version: str = VERSION
    ) -> None:
        self._client = client
        self._api_key = api_key
        self._version = version
        self._indexes: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self._made: dict[str, models.CreateCollection] = {}
        self._faults: list[Fault] = []
        self._asked: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        body = await _body(receive)
        if path == "/_faults":
            self._faults = [Fault(**each) for each in orjson.loads(body)]
            return await _respond(send, 200, {})
        if path == "/_asked":
            return await _respond(send, 200, dict(self._asked))
        self._asked[path] += 1
        fault = self._fault(path)
        await asyncio.sleep(fault.delay)
        if fault.status is not None:
            headers = [(k.encode(), v.encode()) for k, v in fault.headers.items()]
            return await _send(send, fault.status, headers, fault.body.encode(), fault.cut)
        given = dict(scope["headers"]).get(b"api-key", b"").decode()
        if self._api_key and given != self._api_key:
            return await _respond(send, 401, "Must provide an API key")
        try:
            result = await self._answer(method, path, body)
        except Refused as refused:
            return await _respond(send, refused.status, refused.answer)
        except ValueError as error:  # pydantic's and the engine's
            status = 404 if "not found" in str(error) else 400
            answer = {"status": {"error": str(error)}, "time": 0.0}
            return await _respond(send, status, answer)
        await asyncio.sleep(fault.late)
        if path == "/":
            return await _respond(send, 200, result)
        await _respond(send, 200, {"result": result, "status": "ok", "time": 0.0}, fault.cut)
        return None

    def _fault(self, path: str) -> Fault:
        for fault in self._faults:
            if fault.path in path and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return Fault()

    async def _answer(self, method: str, path: str, body: bytes) -> Any:
        if path == "/":
            return {"title": "qdrant - vector search engine", "version": self._version}
        match = _COLLECTION.fullmatch(path)
        if match is None:
            raise Refused(404, "not found")
        name, client = match["name"], self._client
        match method, match["rest"] or "":
            case "GET", "/exists":
                return {"exists": await client.collection_exists(name)}
            case "GET", "":
                return self._described(name, await client.get_collection(name))
            case "PUT", "":
                return await self._create(name, models.CreateCollection.model_validate_json(body))
            case "DELETE", "":
                self._indexes.pop(name, None)
                self._made.pop(name, None)
                return await client.delete_collection(name)
            case "PUT", "/index":
                index = models.CreateFieldIndex.model_validate_json(body)
                await client.get_collection(name)
                self._indexes[name][index.field_name] = index.field_schema
                return _done()
            case _, points if points.startswith("/points"):
                return await self._points(name, f"{method} {points}", body)
        raise Refused(404, "not found")

    async def _create(self, name: str, config: models.CreateCollection) -> bool:
        if await self._client.collection_exists(name):
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        self._made[name] = config
        return await self._client.create_collection(
            name,
            vectors_config=config.vectors,
            sparse_vectors_config=config.sparse_vectors,
        )

    def _described(self, name: str, info: models.CollectionInfo) -> models.CollectionInfo:
        """With what the engine does not keep of a collection's making."""
        made = self._made.get(name, models.CreateCollection())
        for field_name in ("shard_number", "replication_factor", "write_consistency_factor"):
            setattr(info.config.params, field_name, getattr(made, field_name))
        strict = made.strict_mode_config or models.StrictModeConfig()
        info.config.strict_mode_config = models.StrictModeConfigOutput(
            **strict.model_dump(exclude_none=True)
        )
        info.payload_schema = {
            key: models.PayloadIndexInfo(
                data_type=models.PayloadSchemaType(params.type.value), params=params, points=0
            )
            for key, params in self._indexes[name].items()
        }
        return info

    async def _points(self, name: str, what: str, body: bytes) -> Any:
        client = self._client
        match what:
            case "PUT /points":
                points = models.PointsList.model_validate_json(body)
                self._check(name, len(points.points), "upsert_max_batchsize", points.update_filter)
                return await client.upsert(
                    name,
                    points.points,
                    update_filter=points.update_filter,
                    update_mode=points.update_mode,
                )
            case "POST /points":
                ids = models.PointRequest.model_validate_json(body)
                return await client.retrieve(name, ids.ids, with_payload=ids.with_payload or False)
            case "POST /points/query":
                query = models.QueryRequest.model_validate_json(body)
                return await self._query(name, query)
            case "POST /points/query/batch":
                batch = models.QueryRequestBatch.model_validate_json(body)
                self._check(name, len(batch.searches), "search_max_batchsize", None)
                return [await self._query(name, each) for each in batch.searches]
            case "POST /points/scroll":
                scroll = models.ScrollRequest.model_validate_json(body)
                self._check(name, scroll.limit or 10, "max_query_limit", scroll.filter)
                records, following = await client.scroll(
                    name,
                    scroll_filter=scroll.filter,
                    limit=scroll.limit or 10,
                    offset=scroll.offset,
                    with_payload=scroll.with_payload or False,
                )
                return {"points": records, "next_page_offset": following}
            case "POST /points/count":
                count = models.CountRequest.model_validate_json(body)
                self._check(name, 0, "max_query_limit", count.filter)
                return await client.count(name, count_filter=count.filter, exact=True)
            case "POST /points/delete":
                return await client.delete(name, self._chosen(name, body))
            case "POST /points/payload":
                payload = models.SetPayload.model_validate_json(body)
                self._check(name, 0, "max_query_limit", payload.filter)
                where = payload.filter or models.PointIdsList(points=payload.points or [])
                return await client.set_payload(name, payload.payload, points=where)
        raise Refused(404, "not found")

    async def _query(self, name: str, query: models.QueryRequest) -> models.QueryResponse:
        parts: list[Any] = [query]
        parts += query.prefetch if isinstance(query.prefetch, list) else [query.prefetch]
        for part in filter(None, parts):
            self._check(name, part.limit or 10, "max_query_limit", part.filter)
            idf = part.params.idf if part.params else None
            if isinstance(idf, models.IdfCorpusParams):
                self._check(name, 0, "max_query_limit", idf.corpus)
        [answer] = await self._client.query_batch_points(name, [query])
        return answer

    def _chosen(self, name: str, body: bytes) -> models.FilterSelector | models.PointIdsList:
        """Which points are to be deleted."""
        if "filter" not in orjson.loads(body):
            return models.PointIdsList.model_validate_json(body)
        chosen = models.FilterSelector.model_validate_json(body)
        self._check(name, 0, "max_query_limit", chosen.filter)
        return chosen

    def _check(self, name: str, size: int, limit: str, where: models.Filter | None) -> None:
        strict = self._made[name].strict_mode_config if name in self._made else None
        if strict is None or not strict.enabled:
            return
        most = getattr(strict, limit)
        if most is not None and size > most:
            raise Refused(400, f"Bad request: Limit exceeded {size} > {most} for {limit!r}")
        for key in _keys(where):
            if key not in self._indexes[name]:
                raise Refused(400, f"Bad request: Index required but not found for {key!r}")


def _keys(condition: Any, within: str = "") -> list[str]:
    """The fields that a filter asks about."""
    match condition:
        case models.Filter():
            lists = (condition.must, condition.should, condition.must_not)
            parts = [
                each for some in lists for each in (some if isinstance(some, list) else [some])
            ]
            return [key for part in parts for key in _keys(part, within)]
        case models.FieldCondition():
            return [within + condition.key]
        case models.NestedCondition():
            return _keys(condition.nested.filter, f"{condition.nested.key}[].")
    return []


def _done() -> models.UpdateResult:
    return models.UpdateResult(operation_id=0, status=models.UpdateStatus.COMPLETED)


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _respond(send: Send, status: int, answer: Any, cut: int | None = None) -> None:
    kind = [(b"content-type", b"application/json")]
    await _send(send, status, kind, pydantic_core.to_json(answer), cut)


async def _send(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, cut: int | None
) -> None:
    length = (b"content-length", str(len(body)).encode())
    start: Message = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [*headers, length]})
    # A body shorter than was promised makes the server close the connection.
    await send({"type": "http.response.body", "body": body[:cut], "more_body": cut is not None})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", help="keep the points in this folder")
    parser.add_argument("--api-key", default="")
    parser.add_argument("--version", default=VERSION)
    given = parser.parse_args()
    client = (
        AsyncQdrantClient(path=given.path, force_disable_check_same_thread=True)
        if given.path
        else AsyncQdrantClient(":memory:")
    )
    front = Front(client, given.api_key, given.version)
    uvicorn.run(
        front, host="127.0.0.1", port=given.port, lifespan="off", log_level="warning", ws="none"
    )


if __name__ == "__main__":
    main()
