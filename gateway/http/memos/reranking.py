"""/rerank: which of some texts answer a question, in the shape that Cohere's and Jina's have."""

from typing import Any
from uuid import uuid4

from pydantic import Field
from typing_extensions import TypedDict

from gateway.errors import RerankerError
from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body
from gateway.http.operation import Data, Operation
from gateway.memory.tokens import tokens

MOST_DOCUMENTS = 1_000
MOST_TOKENS = 40_000


class Rerank(Body):
    query: str = Field(min_length=1, description="The question.")
    documents: list[str] = Field(
        min_length=1,
        max_length=MOST_DOCUMENTS,
        description=f"The texts; with the query at most {MOST_TOKENS} tokens.",
    )
    top_n: int | None = Field(None, ge=1, description="How many are answered; all, by default.")
    model: str = Field(
        "",
        max_length=100,
        description="Any name is taken, such as memos-reranker-0.6b; the gateway has one model.",
    )


class RerankedText(TypedDict):
    text: str


class RerankedDocument(TypedDict):
    index: int
    document: RerankedText
    relevance_score: float


class RerankUsage(TypedDict):
    prompt_tokens: int
    total_tokens: int


class Reranked(TypedDict):
    id: str
    model: str
    usage: RerankUsage
    results: list[RerankedDocument]


async def rerank(gateway: Gateway, project: str, body: Rerank) -> Data:  # noqa: ARG001  nothing is looked up
    """Order texts by how much they bear on a query, best first; nothing is kept.

    By the reranker that is configured or, without one, by the embedding model. Tokens are
    estimated: four characters each in English, one in Chinese, Japanese and Korean.
    """
    asked = tokens(body.query) + sum(map(tokens, body.documents))
    if asked > MOST_TOKENS:
        raise Code.INPUT_TOO_LONG.error(
            f"documents: more than {MOST_TOKENS} tokens with the query", param="documents"
        )
    try:
        scores = await gateway.recaller.score(body.query, body.documents)
    except RerankerError:
        raise Code.SEARCH_UNAVAILABLE.error("the reranker is busy; try again later") from None
    order = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    return {
        "id": f"rerank-{uuid4().hex}",
        "model": gateway.recaller.scorer,
        "usage": {"prompt_tokens": asked, "total_tokens": asked},
        "results": [
            {
                "index": index,
                "document": {"text": body.documents[index]},
                "relevance_score": round(scores[index], 6),
            }
            for index in order[: body.top_n]
        ],
    }


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(path="rerank", asked=Rerank, answer=Reranked, work=rerank),
)
