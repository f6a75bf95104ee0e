"""What MLflow holds of a study, read back as two tidy tables; what was not measured has no row."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.record import SCORE_COLUMNS, read_study
from study.config import RequestError


def test_every_trial_is_one_row_with_its_params(finished: Any) -> None:
    trials = finished.read().trials
    assert trials.groupby("phase").size().to_dict() == {"teacher": 1, "search": 6, "confirm": 4}
    assert trials["key"].is_unique
    search = trials[trials["phase"] == "search"]
    assert search.groupby("outcome").size().to_dict() == {"complete": 4, "pruned": 2}
    assert set(search["status"]) == {"FINISHED", "KILLED"}
    assert set(search["arm"]) == {"init=random", "init=teacher"}
    assert set(search["learning_rate"]) == {"0.0001", "0.0002", "0.00030000000000000003"}
    assert set(trials[trials["phase"] == "confirm"]["seed"]) == {"1", "2"}
    assert trials["teacher_steps"].notna().all()


def test_trials_stand_in_the_order_they_were_started(finished: Any) -> None:
    trials = finished.read().trials
    assert list(trials[trials["phase"] == "search"]["arm"]) == ["init=random"] * 3 + ["init=teacher"] * 3


def test_a_score_is_a_row_by_split_metric_and_language(finished: Any) -> None:
    record = finished.read()
    assert list(record.scores.columns) == SCORE_COLUMNS
    assert not record.scores.duplicated(["key", "split", "metric", "language"]).any()
    test = record.scores_of("confirm", "test", "accuracy")
    assert len(test) == 4 * 4  # runs x (two languages, macro, worst)
    one = test[(test["arm"] == "init=teacher") & (test["seed"] == 2)].set_index("language")["value"]
    assert one.to_dict() == pytest.approx({"deu": 0.52, "yor": 0.62, "macro": 0.57, "worst": 0.52})


def test_test_is_there_for_confirm_runs_alone(finished: Any) -> None:
    scores = finished.read().scores
    assert set(scores[scores["split"] == "test"]["phase"]) == {"confirm"}
    assert set(scores["split"]) == {"validation", "test"}


def test_arms_and_question_are_the_plans(recorder: Any) -> None:
    record = recorder.read()
    assert record.name == recorder.plan.name
    assert record.arms == ("init=random", "init=teacher")
    assert record.question == "why?"


def test_a_study_that_has_just_begun_is_empty_tables(recorder: Any) -> None:
    record = recorder.read()
    assert (len(record.trials), len(record.scores)) == (0, 0)
    assert list(record.scores.columns) == SCORE_COLUMNS
    assert len(record.scores_of("confirm", "test", "accuracy")) == 0


def test_what_was_not_measured_has_no_row(recorder: Any) -> None:
    """A diverged trial has no score, and a trial that runs no outcome; neither is a zero."""
    diverged = recorder.trial(0, 0, None, "diverged")
    running = recorder.trial(0, 1, 0.5, None)
    record = recorder.read()
    assert set(record.scores["key"]) == {running}
    trials = record.trials.set_index("key")
    assert trials.loc[diverged, "outcome"] == "diverged"
    assert trials["outcome"].isna()[running]
    assert trials.loc[running, "status"] == "RUNNING"


def test_a_language_may_be_missing_from_some_trials(recorder: Any) -> None:
    both, alone = recorder.trial(0, 0, 0.5), recorder.trial(0, 1, 0.5, languages=("deu",))
    rows = recorder.read().scores_of("search", "validation", "accuracy").groupby("key")["language"].apply(set)
    assert rows[both] - rows[alone] == {"yor"}


def test_an_unknown_study_is_refused(tracking_uri: str) -> None:
    with pytest.raises(RequestError, match=r"^nowhere: no such experiment in MLflow; the study has recorded"):
        read_study(tracking_uri, "nowhere")
