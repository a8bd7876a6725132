"""A question that what was told bears on finds it; one that nothing bears on gets nothing.

With the real embedding model and engine, from outside. `make quality` shows the same figures and
holds them closer.
"""

import pytest

from tests import process
from tests.quality.relevance import measure

pytestmark = pytest.mark.process


def test_what_was_told_is_found_and_questions_off_the_topic_are_left_alone(
    tmp_path, default_model_folder
):
    with process.gateway(tmp_path, default_model_folder.parent.parent) as gateway:
        figures = measure(gateway.url)
    assert figures["hit@1"] >= 40
    assert figures["hit@10"] >= 85
    assert figures["on topic, with any"] >= 70
    assert figures["on topic, with the evidence"] >= 42
    assert figures["off topic, with any"] <= 17
