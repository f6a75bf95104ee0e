"""What MLflow holds of a study, read back as tidy tables; what was not measured has no row."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analysis.record.design import cells, confirmed_trials, factors
from analysis.record.domain import Domain
from analysis.record.study_record import CURVE_COLUMNS, SCORE_COLUMNS, read_studies, read_study
from study.config import RequestError
from study.tracking import Tracker
from tests.analysis.recorded import assert_same, runs_of


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
    tracker.client.delete_run(tracker.arm_runs["init=random"])
    Tracker(recorder.uri, None, recorder.plan, tracker.study_id).begin()
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


def test_each_arm_has_the_best_that_the_rule_of_selection_picks(recorder: Any) -> None:
    recorder.trial(0, 0, 0.3)
    best = recorder.trial(0, 1, 0.5)
    recorder.trial(0, 2, 0.5)  # as good, and later
    recorder.trial(0, 3, 0.9, "pruned")
    recorder.trial(0, 4, 0.9, None)
    recorder.trial(0, 1, 0.9, seed=1, test=0.9)
    recorder.trial(1, 0, None, "diverged")
    assert recorder.read().best == {"init=random": best}


def begun(recorder: Any, arm: int, number: int, value: float, **more: Any) -> str:
    """A trial as an older version recorded it, without its number."""
    key: str = recorder.trial(arm, number, value, **more)
    for stored in recorder.tracker.client.stored.values():
        stored["tags"].pop("kdstudy.number", None)
    return key


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


def test_a_trial_that_was_tried_again_stands_where_it_was_asked_again(recorder: Any) -> None:
    again = {"learning_rate": 5e-4}
    recorder.trial(0, 0, None, "failed", **again)
    other = recorder.trial(0, 1, 0.5)
    tried = recorder.trial(0, 2, 0.5, **again)
    record = recorder.read()
    assert list(record.trials["key"]) == [other, tried]
    assert record.best == {"init=random": other}


def test_a_failed_trial_that_runs_once_more_has_no_outcome_until_it_ends(recorder: Any) -> None:
    failed = recorder.trial(0, 0, None, "failed")
    run = recorder.read().trials.set_index("key").loc[failed, "run"]
    recorder.tracker.client.update_run(run, status="RUNNING")
    trials = recorder.read().trials.set_index("key")
    assert (trials.loc[failed, "status"], pd.isna(trials.loc[failed, "outcome"])) == ("RUNNING", True)
    recorder.tracker.client.update_run(run, status="FAILED")
    assert recorder.read().trials.set_index("key").loc[failed, "outcome"] == "failed"


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


def test_where_only_some_trials_of_an_arm_have_numbers_they_stand_as_they_were_started(recorder: Any) -> None:
    older = begun(recorder, 0, 0, 0.5)
    newer = recorder.trial(0, 1, 0.5)
    record = recorder.read()
    assert list(record.trials["key"]) == [older, newer]
    assert record.best == {"init=random": older}


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
    recorder.tracker.client.log_metric(run.info.run_id, "loss", float("nan"), step=99)
    curves = recorder.read().curves
    assert list(curves["step"]) == [3]


def test_what_others_have_added_to_a_study_is_kept_where_it_has_a_place(finished: Any) -> None:
    """Their params are columns, unless a column has that name; their metrics are no scores."""
    client, before = finished.tracker.client, finished.read()
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


def test_a_study_without_its_own_run_or_its_arms_is_read_from_its_trials(finished: Any) -> None:
    planned = finished.read()
    for run in [*runs_of(finished, "study"), *runs_of(finished, "arm")]:
        finished.tracker.client.delete_run(run.info.run_id)
    record = finished.read()
    assert record.partial
    assert record.arms == planned.arms
    assert record.scientific == planned.scientific
    assert (record.nuisance, record.facts, record.question) == ({}, {}, "")
    assert record.fixed["warmup"] == "0.1"
    pd.testing.assert_frame_equal(record.trials, planned.trials)
    pd.testing.assert_frame_equal(record.scores, planned.scores)


def test_a_study_of_a_version_that_recorded_less_is_read(finished: Any) -> None:
    """No roles among the study's params, and no params of the trials."""
    for stored in finished.tracker.client.stored.values():
        stored["params"].clear()
    record = finished.read()
    assert record.arms == ("init=random", "init=teacher")
    assert record.scientific == {"init": ("random", "teacher")}
    assert record.scores["seed"].isna().all()
    assert len(record.best) == 2


def test_an_experiment_without_a_study_in_it_is_refused(recorder: Any) -> None:
    client = recorder.tracker.client
    client.create_run(client.create_experiment("someone's", None, {}), run_name="theirs")
    with pytest.raises(RequestError, match=r"^someone's: the MLflow experiment holds nothing of a study$"):
        read_study(recorder.uri, "someone's")


# Several homes.


def test_a_trial_that_is_in_two_homes_counts_once(make_recorder: Any) -> None:
    """In the second one the search of the first went on, with a better best, and was confirmed."""
    space: dict[str, Any] = {"scientific": {"init": ("random", "teacher")}}
    here, there = make_recorder(**space), make_recorder(name=" there", **space)
    for recorder in (here, there):
        recorder.teacher(0.8)
        recorder.trial(0, 0, 0.3)
        recorder.trial(0, 1, 0.4)
        recorder.trial(0, 1, 0.4, seed=1, test=0.35)
    there.trial(0, 2, 0.5)
    there.trial(0, 2, 0.5, seed=1, test=0.45)
    there.trial(1, 0, 0.6)
    here.tracker.finish()
    record = read_studies([(each.uri, each.plan.name) for each in (here, there)])
    assert record.name == here.plan.name
    assert record.trials.groupby("phase").size().to_dict() == {"teacher": 1, "search": 4, "confirm": 2}
    assert not record.scores.duplicated(["key", "split", "metric", "language"]).any()
    assert record.best["init=random"] == there.read().best["init=random"]
    assert record.partial  # one of them has not ended
    one = read_studies([(here.uri, here.plan.name)] * 2)
    assert_same(one, here.read())


def test_of_a_trials_runs_the_one_that_ended_counts(make_recorder: Any) -> None:
    here, there = make_recorder(), make_recorder(name=" there")
    key = here.trial(0, 0, 0.3, None)
    here.trial(0, 1, 0.3, "failed")
    here.trial(0, 2, 0.3, None)
    there.trial(0, 0, 0.4)
    there.trial(0, 1, 0.4)
    there.trial(0, 2, 0.4, "failed")
    record = read_studies([(each.uri, each.plan.name) for each in (here, there)])
    assert list(record.trials["outcome"]) == ["complete", "complete", "failed"]
    accuracy = record.scores_of("search", "validation", "accuracy").set_index(["key", "language"])["value"]
    assert accuracy[key, "deu"] == 0.4


@pytest.mark.parametrize("outcome", ["complete", "diverged"])
def test_a_run_that_was_pruned_in_one_home_does_not_hide_the_whole_one_of_another(
    make_recorder: Any, outcome: str
) -> None:
    """Whether a trial is pruned depends on the other trials of its home; its score does not."""
    here, there = make_recorder(), make_recorder(name=" there")
    for each, ends in ((here, ("pruned", "failed")), (there, (outcome, "pruned"))):
        for number, end in enumerate(ends):
            each.trial(0, number, 0.4, end)
    sources = [(each.uri, each.plan.name) for each in (here, there)]
    for order in (sources, sources[::-1]):
        assert list(read_studies(order).trials["outcome"]) == [outcome, "pruned"]


def test_arms_of_several_homes_stand_as_they_were_first_seen(make_recorder: Any) -> None:
    here = make_recorder(scientific={"init": ("teacher", "random")})
    there = make_recorder(name=" there", scientific={"init": ("base", "random")})
    record = read_studies([(each.uri, each.plan.name) for each in (here, there)])
    assert record.arms == ("init=teacher", "init=random", "init=base")
    assert record.scientific == {"init": ("teacher", "random", "base")}


def test_a_home_may_vary_what_another_one_held(make_recorder: Any) -> None:
    """Teachers of further seeds, say; each arm keeps its level."""
    init = ("random", "teacher")
    here = make_recorder(scientific={"init": init})
    there = make_recorder(name=" there", scientific={"init": init, "teacher_seed": (1, 2)})
    for recorder in (here, there):
        for arm in range(len(recorder.plan.arms())):
            recorder.trial(arm, 0, 0.5)
    record = read_studies([(each.uri, each.plan.name) for each in (here, there)])
    assert len(record.arms) == 2 + 4
    assert factors(record) == {"init": init, "teacher_seed": (1, 2, 0)}
    assert "teacher_seed" not in record.fixed
    assert sorted(cells(record)["teacher_seed"]) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"model": "c" * 64}, "model: bbbbbbbbbbbb... and cccccccccccc..."),
        ({"task": "c" * 64}, "task: aaaaaaaaaaaa... and cccccccccccc..."),
        ({"fixed": {"steps": 50}}, "steps: 200 and 50"),
        (
            {"nuisance": {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}}},
            "learning_rate: 0.0001..0.01, logarithmic and 1e-05..0.01, logarithmic",
        ),
    ],
)
def test_different_studies_are_not_put_together(make_recorder: Any, other: Any, difference: str) -> None:
    here, there = (
        make_recorder(fixed={"steps": 200}),
        make_recorder(name="2", **{"fixed": {"steps": 200}} | other),
    )
    with pytest.raises(RequestError) as refusal:
        read_studies([(each.uri, each.plan.name) for each in (here, there)])
    assert str(refusal.value) == f"{here.plan.name}: these are shares of different studies: {difference}"


def test_different_tasks_are_told_apart_without_a_plan(make_recorder: Any) -> None:
    here, there = make_recorder(), make_recorder(name="2", task="c" * 64)
    for recorder in (here, there):
        recorder.trial(0, 0, 0.5)
        recorder.tracker.client.delete_run(recorder.tracker.study_run)
    with pytest.raises(RequestError, match=r"different studies: task: a{12}\.\.\. and c{12}\.\.\.$"):
        read_studies([(each.uri, each.plan.name) for each in (here, there)])


@pytest.mark.parametrize("fact", ["sampler", "pruner"])
def test_how_trials_were_drawn_is_not_known_where_homes_differ_in_it(make_recorder: Any, fact: str) -> None:
    """The trials of a random and of a learning sampler together are no random draws."""
    values = {"sampler": ("random", "tpe"), "pruner": ("none", "median")}[fact]
    here, there = (make_recorder(name=value, **{fact: value}) for value in values)
    alike = make_recorder(name=" alike", **{fact: values[0]})
    for recorder in (here, there, alike):
        recorder.trial(0, 0, 0.5)
    sources = {id(each): (each.uri, each.plan.name) for each in (here, there, alike)}
    assert read_studies([sources[id(here)], sources[id(alike)]]).facts[fact] == values[0]
    for first, second in ((here, there), (there, here)):
        assert fact not in read_studies([sources[id(first)], sources[id(second)]]).facts
    here.tracker.client.delete_run(here.tracker.study_run)
    assert fact not in read_studies([sources[id(here)], sources[id(alike)]]).facts
