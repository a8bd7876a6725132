"""Whether the reranker loads and scores, where one is set."""

from typing import Any

from gateway.doctor.finding import Finding, State
from gateway.settings import Settings

PART = "reranker"


def reranker(settings: Settings, found: dict[str, Any]) -> Finding:
    """Of what `inside.scores` found."""
    model = settings.reranker_model
    match found:
        case {"seconds": float(seconds)}:
            return Finding(PART, State.OK, f"{model} scores after {seconds:.1f} s")
        case {"wrong": str(reason)}:
            return Finding(PART, State.WRONG, reason, _mend(settings))
    says = f"{model} did not score a word in time"
    if settings.reranker_source == "hub":
        return Finding(PART, State.WRONG, says, _mend(settings))
    return Finding(PART, State.NOTE, says, "is the machine busy? --patience waits longer")


def not_looked_at() -> Finding:
    says = "not looked at, for want of the embedding model"
    return Finding(PART, State.NOTE, says, "mend that first")


def _mend(settings: Settings) -> str:
    if settings.reranker_source == "hub":
        return "is the hub reachable? GATEWAY_RERANKER_SOURCE=folder takes files of your own"
    return (
        "GATEWAY_RERANKER_FOLDER must hold the model as the hub has it, and the tokenizer's files"
    )
