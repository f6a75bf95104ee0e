"""Several homes as one study, and records that hold less than a whole study."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analysis.record.design import cells, factors
from analysis.record.reading import read_studies, read_study
from study.errors import RequestError
from tests.analysis.recorded import assert_same, begun, runs_of


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
    recorder.tracker.runs.client.update_run(run, status="RUNNING")
    trials = recorder.read().trials.set_index("key")
    assert (trials.loc[failed, "status"], pd.isna(trials.loc[failed, "outcome"])) == ("RUNNING", True)
    recorder.tracker.runs.client.update_run(run, status="FAILED")
    assert recorder.read().trials.set_index("key").loc[failed, "outcome"] == "failed"


def test_where_only_some_trials_of_an_arm_have_numbers_they_stand_as_they_were_started(recorder: Any) -> None:
    older = begun(recorder, 0, 0, 0.5)
    newer = recorder.trial(0, 1, 0.5)
    record = recorder.read()
    assert list(record.trials["key"]) == [older, newer]
    assert record.best == {"init=random": older}


def test_a_study_without_its_own_run_or_its_arms_is_read_from_its_trials(finished: Any) -> None:
    planned = finished.read()
    for run in [*runs_of(finished, "study"), *runs_of(finished, "arm")]:
        finished.tracker.runs.client.delete_run(run.info.run_id)
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
    for stored in finished.tracker.runs.client.stored.values():
        stored["params"].clear()
    record = finished.read()
    assert record.arms == ("init=random", "init=teacher")
    assert record.scientific == {"init": ("random", "teacher")}
    assert record.scores["seed"].isna().all()
    assert len(record.best) == 2


def test_an_experiment_without_a_study_in_it_is_refused(recorder: Any) -> None:
    client = recorder.tracker.runs.client
    client.create_run(client.create_experiment("someone's", None, {}), run_name="theirs")
    with pytest.raises(RequestError, match=r"^someone's: the MLflow experiment holds nothing of a study$"):
        read_study(recorder.uri, "someone's")


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
        recorder.tracker.runs.client.delete_run(recorder.tracker.study_run)
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
    here.tracker.runs.client.delete_run(here.tracker.study_run)
    assert fact not in read_studies([sources[id(here)], sources[id(alike)]]).facts
