"""What `make quality` says when recall got worse, and when its data is not there."""

import pytest

from tests.quality.__main__ import table, worse
from tests.quality.suites import SUITES, MissingDataError

RECORDED = {"locomo": {"recall@10": 83.0, "words@10": 350.0}}


def test_a_figure_may_be_a_point_below_what_was_recorded_and_no_more():
    assert worse({"locomo": {"recall@10": 82.0, "words@10": 350}}, RECORDED) == []
    [failure] = worse({"locomo": {"recall@10": 81.9, "words@10": 350}}, RECORDED)
    assert failure == "locomo: recall@10 is 81.9, recorded is 83.0"


def test_of_what_is_to_be_little_more_is_worse():
    assert worse({"locomo": {"recall@10": 83, "words@10": 340}}, RECORDED) == []
    assert len(worse({"locomo": {"recall@10": 83, "words@10": 352}}, RECORDED)) == 1


def test_a_recorded_figure_that_is_not_measured_any_more_is_a_failure():
    assert worse({"locomo": {"recall@10": 83}}, RECORDED) == ["locomo: words@10 was not measured"]


def test_a_suite_that_was_not_asked_for_is_not_missed_and_a_new_figure_is_only_shown():
    assert worse({"told": {"hit@1": 12}}, RECORDED) == []
    assert "hit@1" in table({"told": {"hit@1": 12}}, RECORDED)


def test_data_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"retrieval\.py is not there: set SHARED"):
        SUITES["locomo"]("http://127.0.0.1:1", tmp_path)
