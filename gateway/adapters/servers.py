"""Which of several servers may answer a request, and in which order they are asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import unquote

from gateway.adapters.breaker import Breaker
from gateway.memory.ports import ChatModel, ModelRequest

_MODELS = "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One of them. Of those whose `models` match, the lowest `order` comes first.

    Among equals the choice is random, in proportion to `weight`.
    """

    name: str
    model: ChatModel
    models: tuple[str, ...] = ("*",)
    order: int = 0
    weight: int = 1
    breaker: Breaker = field(default_factory=Breaker)

    def serves(self, model: str) -> bool:
        return any(fnmatchcase(model, pattern) for pattern in self.models)


def chosen(servers: Sequence[Server], model: str, chance: Callable[[], float]) -> Sequence[Server]:
    """Whom to ask, in turn: those whose breaker is open come last. `servers` are by their order.

    What names no model is about something that one server keeps, a file or a batch or a stored
    response, and is for the first of them alone: another would not know it.
    """
    if not model:
        return servers[:1]
    fit = [server for server in servers if server.serves(model)]
    if len(fit) > 1:
        # A weighted shuffle: https://doi.org/10.1016/j.ipl.2005.11.003
        fit.sort(key=lambda server: (server.order, -(chance() ** (1 / server.weight))))
        ready = {server.name for server in fit if server.breaker.allows()}
        fit.sort(key=lambda server: server.name not in ready)
    return fit


def model_of(request: ModelRequest) -> str:
    """The model that the body names, or the path does, or ""."""
    path = request.path.partition("?")[0]
    if not request.model and path.startswith(f"{_MODELS}/"):
        return unquote(path.removeprefix(f"{_MODELS}/"))
    return request.model


def asks_for_models(request: ModelRequest) -> bool:
    return request.method == "GET" and request.path.partition("?")[0] == _MODELS
