"""/rerank orders texts by a question, in the shape that clients of such endpoints know."""

import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_reranker import FakeReranker
from gateway.errors import EmbedderBusyError, RerankerBusyError
from gateway.http.memos.reranking import MOST_DOCUMENTS
from tests.memos_calls import post, refused
from tests.served import served

pytestmark = pytest.mark.anyio

QUERY = "Where does Anna live?"
DOCUMENTS = ["Revenue rose by nine percent.", "Anna lives in Lisbon.", "Anna has a dog."]
ASKED = {"query": QUERY, "documents": DOCUMENTS}


@pytest.fixture(name="it", params=[None, FakeReranker()], ids=["embedder", "reranker"])
async def _it(request):
    async with served(reranker=request.param) as it:
        yield it


async def test_the_best_comes_first_with_its_place_and_a_score(it):
    answer = await post(it.url, "rerank", ASKED)
    assert set(answer) == {"id", "model", "usage", "results"}
    results = answer["results"]
    assert results[0]["document"] == {"text": "Anna lives in Lisbon."}
    assert [DOCUMENTS[each["index"]] for each in results] == [
        each["document"]["text"] for each in results
    ]
    assert sorted(each["index"] for each in results) == [0, 1, 2]
    scores = [each["relevance_score"] for each in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert answer["id"]
    assert answer["model"] == "fake"
    letters = sum(-(-len(text) // 4) for text in [QUERY, *DOCUMENTS])
    assert answer["usage"] == {"prompt_tokens": letters, "total_tokens": letters}
    answer = await post(it.url, "rerank", {"query": "你好", "documents": ["我喜欢茶"]})
    assert answer["usage"]["prompt_tokens"] == 6


async def test_top_n_is_how_many_are_answered(it):
    for top_n, count in ((1, 1), (2, 2), (9, 3), (None, 3)):
        answer = await post(it.url, "rerank", ASKED | {"top_n": top_n})
        assert len(answer["results"]) == count


async def test_their_models_names_are_taken_and_the_model_that_scored_is_told(it):
    for name in ("memos-reranker-0.6b", "memos-reranker-4b", None):
        assert (await post(it.url, "rerank", ASKED | {"model": name}))["model"] == "fake"


async def test_equals_keep_their_order(it):
    answer = await post(it.url, "rerank", {"query": "x", "documents": ["same"] * 40})
    assert [each["index"] for each in answer["results"]] == list(range(40))


@pytest.mark.parametrize(
    ("body", "status", "code", "named"),
    [
        ({"documents": ["a"]}, 400, 40002, "query"),
        ({"query": "", "documents": ["a"]}, 400, 40002, "query"),
        ({"query": "q"}, 400, 40002, "documents"),
        ({"query": "q", "documents": []}, 400, 40003, "documents"),
        ({"query": "q", "documents": [1]}, 400, 40000, "documents.0"),
        ({"query": "q", "documents": ["a"], "top_n": 0}, 400, 40000, "top_n"),
        ({"query": "q", "documents": ["a"] * (MOST_DOCUMENTS + 1)}, 400, 40000, "documents"),
        ({"query": "q", "documents": ["x" * 160_001]}, 413, 40305, "documents"),
        ([], 400, 40000, ""),
    ],
)
async def test_what_is_wrong_is_told_in_memos_own_shape(it, body, status, code, named):
    found, message = await refused(it.url, "rerank", body, status)
    assert found == code
    assert named in message


async def test_a_model_that_is_busy_is_said_to_be():
    class BusyReranker(FakeReranker):
        async def score(self, question, texts):
            raise RerankerBusyError(f"{question} {texts}")

    class BusyEmbedder(FakeEmbedder):
        async def embed_documents(self, texts):
            raise EmbedderBusyError(f"{texts}")

    async with served(reranker=BusyReranker()) as it:
        code, message = await refused(it.url, "rerank", ASKED, 503)
        assert code == 50005
        assert "Anna" not in message
    async with served(embedder=BusyEmbedder()) as it:
        code, message = await refused(it.url, "rerank", ASKED, 503)
        assert code == 50004
        assert "Anna" not in message
