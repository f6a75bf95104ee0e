"""What MLflow holds of a study, read back as tidy tables; what was not measured has no row."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analysis.record.design import confirmed_trials
from analysis.record.domain import Domain
from analysis.record.tables import CURVE_COLUMNS, SCORE_COLUMNS
from study.tracking.tracker import Tracker
from tests.analysis.recorded import begun, runs_of


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
    assert set(search["loss"]) == {"kl"}  # the hyperparameter; the metric has another name
    complete = search[search["outcome"] == "complete"].groupby("arm")["training_loss"].apply(list)
    assert complete["init=random"] == pytest.approx([0.7, 0.6])
    assert set(complete.index) == {"init=random", "init=teacher"}


def test_trials_stand_in_the_order_they_were_started(finished: Any) -> None:
    trials = finished.read().trials
    assert list(trials[trials["phase"] == "search"]["arm"]) == ["init=random"] * 3 + ["init=teacher"] * 3


def test_a_score_is_a_row_by_split_metric_and_language(finished: Any) -> None:
    record = finished.read()
    assert list(record.scores.columns) == SCORE_COLUMNS
    assert not record.scores.duplicated(["key", "split", "metric", "language"]).any()
    assert list(record.scores["key"].unique()) == [
        key for key in record.trials["key"] if key in set(record.scores["key"])
    ]
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


def test_arms_stand_as_planned_though_one_was_recorded_late(recorder: Any) -> None:
    tracker = recorder.tracker
    tracker.runs.client.delete_run(tracker.arm_runs["init=random"])
    Tracker(recorder.uri, None, recorder.plan, tracker.runs.study_id).begin()
    assert recorder.read().arms == ("init=random", "init=teacher")


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


def test_the_plan_is_read_back(make_recorder: Any) -> None:
    recorder = make_recorder(
        scientific={"init": ("teacher", "random"), "alpha": (1.0, 0.2)},
        nuisance={"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "batch_size": (16, 32)},
        fixed={"steps": 50},
        sampler="random",
    )
    record = recorder.read()
    assert record.scientific == {"init": ("teacher", "random"), "alpha": (1.0, 0.2)}
    assert record.nuisance == {
        "learning_rate": Domain(1e-4, 1e-2, log=True),
        "batch_size": Domain(levels=(16, 32)),
    }
    assert (record.fixed["steps"], record.fixed["warmup"]) == ("50", "0.1")
    assert not record.fixed.keys() & {"init", "alpha", "learning_rate", "batch_size", "task", "seed"}
    assert record.facts["sampler"] == "random"
    assert record.facts["task"] == "a" * 64
    assert record.arm_params["init=random alpha=0.2"] == {"init": "random", "alpha": "0.2"}


def test_a_study_is_partial_until_it_has_ended(recorder: Any) -> None:
    for end, partial in (("begin", True), ("finish", False), ("pause", True)):
        getattr(recorder.tracker, end)()
        assert recorder.read().partial is partial


def test_a_record_that_lacks_trials_is_a_part_and_says_how_many(recorder: Any) -> None:
    for number in (0, 1):
        recorder.trial(0, number, 0.3)
    recorder.teacher(0.8)
    for ended, missing in ((3, 1), (2, 0), (None, 0)):
        recorder.tracker.finish(ended)
        record = recorder.read()
        assert (record.partial, record.missing) == (missing > 0, missing)
        said = "Partial: MLflow lacks 1 of the trials of this study. `kdstudy status "
        assert record.part is None if not missing else record.part.startswith(said)
    recorder.tracker.pause()
    assert recorder.read().part == (
        "Partial: this study has not finished. More trials may change every number below."
    )


def test_a_run_that_is_there_twice_or_is_open_hides_no_trial_that_is_missing(recorder: Any) -> None:
    recorder.trial(0, 0, 0.3)
    recorder.trial(0, 1, 0.4)
    recorder.tracker.finish(3)
    one, other = runs_of(recorder, "search")
    client = recorder.tracker.runs.client
    twice = client.create_run(one.info.experiment_id, tags=one.data.tags)
    client.set_terminated(twice.info.run_id, "FINISHED")
    assert recorder.read().missing == 1
    client.update_run(other.info.run_id, status="RUNNING")
    assert recorder.read().missing == 2


def test_arms_are_in_planned_order_also_if_their_runs_were_renamed(recorder: Any) -> None:
    recorder.trial(1, 0, 0.3)
    runs = recorder.tracker.arm_runs
    for name, run in runs.items():
        recorder.tracker.runs.client.stored[run]["about"]["run_name"] = f"my {name[::-1]}"
    assert recorder.read().arms == tuple(runs)


def test_each_arm_has_the_best_that_the_rule_of_selection_picks(recorder: Any) -> None:
    recorder.trial(0, 0, 0.3)
    best = recorder.trial(0, 1, 0.5)
    recorder.trial(0, 2, 0.5)  # as good, and later
    recorder.trial(0, 3, 0.9, "pruned")
    recorder.trial(0, 4, 0.9, None)
    recorder.trial(0, 1, 0.9, seed=1, test=0.9)
    recorder.trial(1, 0, None, "diverged")
    assert recorder.read().best == {"init=random": best}


def test_of_equal_trials_the_best_is_the_one_that_the_ledger_asked_first(recorder: Any) -> None:
    """The outbox may make their runs in another order."""
    recorder.trial(0, 9, 0.5)
    first = recorder.trial(0, 8, 0.5)
    recorder.trial(0, 10, 0.5)
    record = recorder.read()
    assert record.best == {"init=random": first}
    rates = record.trials["learning_rate"].astype(float)
    assert list(rates) == sorted(rates)
    assert "number" not in record.trials


def test_of_equal_trials_without_a_number_the_best_is_the_one_that_was_confirmed(recorder: Any) -> None:
    first = begun(recorder, 0, 1, 0.5)
    confirmed_one = begun(recorder, 0, 0, 0.5)
    begun(recorder, 0, 2, 0.4)
    assert recorder.read().best == {"init=random": first}
    begun(recorder, 1, 1, 0.5, seed=1)  # the first one's values, in another arm
    begun(recorder, 0, 2, 0.5, seed=1)  # of a former best, which is not among the highest
    assert recorder.read().best == {"init=random": first}
    run = begun(recorder, 0, 0, 0.5, seed=1, test=0.4)
    record = recorder.read()
    assert record.best == {"init=random": confirmed_one}
    counted = confirmed_trials(record)
    assert list(counted[counted["arm"] == "init=random"]["key"]) == [run]


def test_curves_are_those_of_confirm_runs_and_of_each_arms_best(recorder: Any) -> None:
    recorder.trial(0, 0, 0.3, reports=3)
    best = recorder.trial(0, 1, 0.5, reports=3)
    confirmed = recorder.trial(0, 1, 0.6, seed=2, test=0.4, reports=2)
    curves = recorder.read().curves
    assert list(curves.columns) == CURVE_COLUMNS
    assert list(curves["key"]) == [best] * 3 + [confirmed] * 2
    assert list(curves["step"]) == [3, 6, 9, 3, 6]
    assert list(curves["seed"]) == [0, 0, 0, 2, 2]
    assert list(curves["macro"]) == pytest.approx([0.35, 0.45, 0.55, 0.55, 0.65])
    assert list(curves["loss"]) == pytest.approx([0.7, 0.6, 0.5, 0.5, 0.4])


def test_a_report_without_a_number_is_no_point_of_a_curve(recorder: Any) -> None:
    recorder.trial(0, 0, 0.5)
    (run,) = runs_of(recorder, "search")
    recorder.tracker.runs.client.log_metric(run.info.run_id, "loss", float("nan"), step=99)
    curves = recorder.read().curves
    assert list(curves["step"]) == [3]


def test_what_others_have_added_to_a_study_is_kept_where_it_has_a_place(finished: Any) -> None:
    """Their params are columns, unless a column has that name; their metrics are no scores."""
    client, before = finished.tracker.runs.client, finished.read()
    run = runs_of(finished, "confirm")[0].info.run_id
    for name in ("key", "arm", "start", "share", "training_loss", "note"):
        client.log_param(run, name, "mine")
    for name in ("system/gpu/0", "accuracy", "validation/accuracy", "train/accuracy/deu"):
        client.log_metric(run, name, 1.0)
    record = finished.read()
    assert_frames = pd.testing.assert_frame_equal
    assert_frames(record.trials.drop(columns="note"), before.trials)
    assert_frames(record.scores, before.scores)
    assert list(record.trials["note"].dropna()) == ["mine"]
