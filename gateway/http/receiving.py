"""Requests that bring files: JSON whose long texts are kept in files, or a form with parts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive, Scope

from gateway.http.coding import PLAIN, Decoded
from gateway.http.disconnect import ClientGoneError
from gateway.http.errors import ApiError
from gateway.http.headers import RawHeaders, get
from gateway.http.kept import Kept, LongTexts
from gateway.settings import Settings

# What a request's JSON would be, of a form's fields and of the name and ticket of each part.
FromForm: TypeAlias = Callable[[Mapping[str, str], list[dict[str, str]]], Mapping[str, Any]]

_MOST_FIELDS = 20
_FRAME = 2**20  # bytes of a form that are not its files


async def read_files(
    http: Scope, receive: Receive, settings: Settings, kept: Kept, from_form: FromForm
) -> bytes:
    """The request as JSON, in which what is long has tickets of `kept`.

    Raises ApiError: 400 for what is no form; 408 for `body_timeout` without a piece of the body;
    413 with `files_too_large` or `too_many_files` over what files may be; 415 as `read_body`.
    """
    headers = http["headers"]
    most = settings.max_files_bytes + _FRAME
    if get(headers, b"content-type").lower().startswith("multipart/form-data"):
        pieces = _pieces(headers, receive, most=most, idle=settings.body_timeout)
        fields, parts = await _form(headers, pieces, settings.max_files, kept)
        query = dict(parse_qsl(http["query_string"].decode("latin-1")))
        return orjson.dumps(from_form({**query, **fields}, parts))
    # In base64, four bytes stand for three.
    most = most * 4 // 3 + settings.max_body_bytes
    texts = LongTexts(kept, most=settings.max_body_bytes)
    async for piece in _pieces(headers, receive, most=most, idle=settings.body_timeout):
        texts.feed(piece)
    return bytes(texts.document)


async def _pieces(
    headers: RawHeaders, receive: Receive, *, most: int, idle: float
) -> AsyncGenerator[bytes, None]:
    coding = get(headers, b"content-encoding").lower()
    decoded = None if coding in PLAIN else Decoded(coding)
    declared = get(headers, b"content-length")
    if declared.isdigit() and int(declared) > most:
        raise _too_large()
    size = 0
    more = True
    while more:
        try:
            async with asyncio.timeout(idle):
                message = await receive()
        except TimeoutError:
            raise ApiError(408, f"no piece of the request body came for {idle:g} s") from None
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        more = message.get("more_body", False)
        arrived = message.get("body", b"")
        for piece in (arrived,) if decoded is None else decoded.feed(arrived):
            size += len(piece)
            if size > most:
                raise _too_large()
            yield piece
            await asyncio.sleep(0)  # a small body may hold much: others get their turn
    if decoded is not None:
        decoded.end()


async def _form(
    headers: RawHeaders, pieces: AsyncGenerator[bytes, None], most_files: int, kept: Kept
) -> tuple[dict[str, str], list[dict[str, str]]]:
    parser = MultiPartParser(
        Headers(raw=list(headers)), pieces, max_files=most_files + 1, max_fields=_MOST_FIELDS
    )
    fields: dict[str, str] = {}
    parts: list[dict[str, str]] = []
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "files" in error.message:
            raise too_many_files(most_files) from None
        raise ApiError(400, f"the body is no form: {error.message}") from None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            ticket = kept.keep(value.file)
            parts.append({"name": value.filename or "", "content": ticket})
        else:
            fields[name] = value
    return fields, parts


def too_many_files(most: int) -> ApiError:
    return ApiError(400, f"there are more than {most} files", param="file", code="too_many_files")


def _too_large() -> ApiError:
    return ApiError(413, "the files are too large altogether", param="file", code="files_too_large")
