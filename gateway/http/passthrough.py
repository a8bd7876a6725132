"""Every other path under /v1: the request goes on and the answer comes back, untouched.

A body of JSON is read first, for the model that it names decides between several servers, and so
that it can be sent again. Any other goes on while it arrives, and answers come back as they come:
neither is ever held whole.
"""

from starlette.types import Receive, Scope, Send

from gateway.errors import UpstreamError
from gateway.http.address import onward_path
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders, get, upstream_headers
from gateway.http.limits import read_body, too_large
from gateway.http.relay import Relay
from gateway.http.understanding import asked_in
from gateway.http.upload import Upload
from gateway.memory.ports import ModelRequest

_JSON = "application/json"


class Passthrough:
    """An ASGI application for any method and any path under `/v1/`."""

    def __init__(self, gateway: Gateway, relay: Relay) -> None:
        self._settings = gateway.settings
        self._relay = relay

    async def __call__(self, http: Scope, receive: Receive, send: Send) -> None:
        headers: RawHeaders = http["headers"]
        onward = upstream_headers(headers)
        path = onward_path(http)
        if _is_plain_json(headers):
            body = await read_body(
                receive,
                headers,
                most=self._settings.max_body_bytes,
                timeout=self._settings.body_timeout,
            )
            asked = asked_in(body)
            request = ModelRequest(
                method=http["method"], path=path, headers=onward, body=body, model=asked.model
            )
            await self._relay(request, receive, send, streams=asked.streams)
        elif _has_body(headers):
            await self._upload(http, path, onward, receive, send)
        else:
            request = ModelRequest(method=http["method"], path=path, headers=onward)
            await self._relay(request, receive, send)

    async def _upload(
        self,
        http: Scope,
        path: str,
        onward: list[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
    ) -> None:
        settings = self._settings
        if declared := get(http["headers"], b"content-length"):
            if int(declared) > settings.max_upload_bytes:
                raise too_large(settings.max_upload_bytes)
            onward.append((b"content-length", declared.encode()))
        upload = Upload(most=settings.max_upload_bytes, idle=settings.body_timeout)
        request = ModelRequest(method=http["method"], path=path, headers=onward, body=upload)
        try:
            await self._relay(request, receive, send, feed=upload.feed)
        except UpstreamError:
            if upload.error is not None:
                raise upload.error from None
            raise


def _is_plain_json(headers: RawHeaders) -> bool:
    kind, coding = get(headers, b"content-type"), get(headers, b"content-encoding")
    return kind.partition(";")[0].strip().lower() == _JSON and not coding


def _has_body(headers: RawHeaders) -> bool:
    return bool(get(headers, b"transfer-encoding")) or get(headers, b"content-length") not in {
        "",
        "0",
    }
