"""The ASGI application: every route, and the layers around them in the order they apply."""

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http import admin, page, status
from gateway.http.access import Access
from gateway.http.auth import Auth
from gateway.http.budgets import WithinBudget
from gateway.http.chat_completions import ChatCompletions
from gateway.http.description import routes as description
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.grants import guarded
from gateway.http.health import Alive, MetricsPage, Ready
from gateway.http.limits import InFlight
from gateway.http.memories import routes as memories
from gateway.http.memos import routes as memos
from gateway.http.openai import WithMemory
from gateway.http.passthrough import Passthrough
from gateway.http.relay import Relay
from gateway.http.responses import Responses

PREFIXES = ("/v1", "")  # as clients have them whose base URL ends in /v1, or does not
UNTOUCHED = (
    "/completions",
    "/embeddings",
    "/models",
    "/models/{model:path}",
    "/responses/{id:path}",
)


def create_app(gateway: Gateway) -> ASGIApp:
    """The application over these parts, which whoever made them starts and stops."""
    settings, every = gateway.settings, routes(gateway)
    app: ASGIApp = Router(every, redirect_slashes=False, default=_nothing_here)
    app = WithinBudget(app, budget=gateway.budget)
    app = Auth(
        app,
        keyring=gateway.keyring,
        settled=settings.written_keys(),
        identity=gateway.identity,
        origins=settings.cors_origins,
    )
    app = InFlight(app, most=settings.max_in_flight, drain=gateway.drain)
    app = Access(app, metrics=gateway.metrics, routes=[route.path for route in every])
    return _for_pages(app, settings.cors_origins) if settings.cors_origins else app


def routes(gateway: Gateway) -> list[Route]:
    """Every route there is, each answered only for keys that open it."""
    settings = gateway.settings
    relay = Relay(
        model=gateway.model,
        background=gateway.background,
        metrics=gateway.metrics,
        patience=settings.record_timeout_ms / 1000,
        write_timeout=settings.client_write_timeout,
        heartbeat=settings.heartbeat_seconds,
    )
    chat = WithMemory(gateway, relay, ChatCompletions())
    responses = WithMemory(gateway, relay, Responses())
    untouched = Passthrough(gateway, relay)
    every = [
        *admin.routes(gateway),
        *(Route(f"{prefix}/chat/completions", chat, methods=["POST"]) for prefix in PREFIXES),
        *(Route(f"{prefix}/responses", responses, methods=["POST"]) for prefix in PREFIXES),
        *(Route(prefix + path, untouched) for prefix in PREFIXES for path in UNTOUCHED),
        *memories.routes(gateway),
        *status.routes(gateway),
        Route("/v1/{path:path}", untouched),
        *memos.routes(gateway),
        *description.routes(),
        *page.routes(),
        Route("/healthz", Alive(), methods=["GET"]),
        Route("/readyz", Ready(gateway), methods=["GET"]),
        Route("/metrics", MetricsPage(gateway), methods=["GET"]),
    ]
    return [guarded(route) for route in every]


def _for_pages(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """The application with what lets a browser's pages of these origins call it, and no other's."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["*", "x-memory-status", "x-conversation-id", "x-gateway-request-id"],
        max_age=600,
    )


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  ASGI
    raise ApiError(404, "there is nothing at this address", code="not_found")
