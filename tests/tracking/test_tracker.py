"""MLflow as it is written: one run for each key, nested and complete; a second write adds nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from study.ledger.records import Choice, State
from study.planning.plan import Plan
from study.tracking.tracker import Tracker
from study.trial.progress import Progress
from tests.tracking.recorded import ARMS, begin, rows, runs, trial

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., Progress]
Track = Callable[..., Tracker]


def test_runs_are_nested_study_arm_trial(track: Track, plan: Plan, client: MlflowClient) -> None:
    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    (study,) = runs(client, plan, "study")
    arms = runs(client, plan, "arm")
    (search,) = runs(client, plan, "search")
    assert search.info.run_id == run
    assert "mlflow.parentRunId" not in study.data.tags
    assert {arm.data.tags["mlflow.parentRunId"] for arm in arms} == {study.info.run_id}
    assert search.data.tags["mlflow.parentRunId"] == arms[3].info.run_id
    assert [arm.info.run_name for arm in arms] == [
        "01 init=random alpha=1.0",
        "02 init=random alpha=0.5",
        "03 init=teacher alpha=1.0",
        "04 init=teacher alpha=0.5",
    ]


def test_names_that_stand_side_by_side_differ_at_their_beginning(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    """The first ten characters differ, and the names sort in the order of the arms, also of 101 arms."""
    levels = tuple(0.01 * n for n in range(101))
    plan = make_plan(name="many arms", scientific={"warmup": levels})
    track(plan)
    names = [run.info.run_name for run in runs(client, plan, "arm")]
    assert len({name[:10] for name in names}) == 101
    assert sorted(names) == names


def test_tags_say_what_a_run_is(track: Track, plan: Plan, client: MlflowClient, make_report: Any) -> None:
    tracker = track(plan)
    for record in (trial(plan), trial(plan, seed=1, phase="confirm")):
        tracker.replay(record, [make_report(1, 0.5, "complete")], State.COMPLETE)
    experiment = client.get_experiment_by_name(plan.name)
    assert experiment is not None
    assert experiment.tags["kdstudy.study"] == tracker.runs.study_id
    assert {run.data.tags["kdstudy.study"] for run in runs(client, plan)} == {tracker.runs.study_id}
    (study,) = runs(client, plan, "study")
    assert study.data.tags["kdstudy.git"]
    versions = dict(pair.split("=") for pair in study.data.tags["kdstudy.versions"].split())
    assert {"python", "kdstudy", "torch", "transformers"} <= versions.keys()
    assert [run.data.tags["kdstudy.arm"] for run in runs(client, plan, "arm")] == [
        arm.name for arm in plan.arms()
    ]
    for record, phase in ((trial(plan), "search"), (trial(plan, seed=1), "confirm")):
        (run,) = runs(client, plan, phase)
        tags = {name: run.data.tags[f"kdstudy.{name}"] for name in ("key", "arm", "outcome", "numerics")}
        assert tags == {
            "key": record.key,
            "arm": record.arm,
            "outcome": "complete",
            "numerics": "device=cpu threads=1",
        }


def test_the_run_of_the_study_has_more_tags_once(track: Track, plan: Plan, client: MlflowClient) -> None:
    """Also a study that an older version began; a tag that is there stays."""
    track(plan)
    for chance in ("0.1", "0.2"):
        tracker = Tracker(client.tracking_uri, None, plan, f"{plan.name} drawn")
        tracker.about["kdstudy.chance"] = chance
        tracker.begin()
    (study,) = runs(client, plan, "study")
    assert study.data.tags["kdstudy.chance"] == "0.1"


def test_a_confirm_run_has_the_rule_the_fit_and_the_best_tried_trial(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """Without them, MLflow lacks something of the trial. A study with one tuning has no tag for it."""
    choice = Choice("parabola", "through three points", "f" * 64)
    record = replace(trial(plan, seed=1, phase="confirm"), outcome=State.COMPLETE)
    report = [make_report(1, 0.5, "complete")]
    tracker = track(plan)
    tracker.replay(record, report, State.COMPLETE)
    assert not tracker.lacks(record)
    chosen = replace(record, choice=choice)
    assert tracker.lacks(chosen)
    tracker.replay(chosen, report, State.COMPLETE)
    assert not tracker.lacks(chosen)
    (run,) = runs(client, plan, "confirm")
    tags = run.data.tags
    assert (tags["kdstudy.selected"], tags["kdstudy.fit"], tags["kdstudy.tried"]) == choice
    assert "kdstudy.tuning" not in tags


def test_trials_of_a_study_with_several_tunings_have_the_number_of_their_tuning(
    track: Track, make_plan: MakePlan, client: MlflowClient, make_report: MakeReport
) -> None:
    plan = make_plan(**ARMS, name="several tunings", tunings=2)
    tracker = track(plan)
    for tuning in (0, 1):
        record = replace(trial(plan, seed=1000 * tuning), tuning=tuning, outcome=State.COMPLETE)
        tracker.replay(record, [make_report(1, 0.5, "complete")], State.COMPLETE)
    found = {run.data.params["seed"]: run.data.tags["kdstudy.tuning"] for run in runs(client, plan, "search")}
    assert found == {"0": "0", "1000": "1"}


def test_a_run_has_the_number_of_its_trials_last_attempt(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """The number orders equal trials. In the ledger, a retry has a new number."""
    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    assert client.get_run(run).data.tags["kdstudy.number"] == "0"
    tracker.replay(record, [], State.FAILED)
    again = replace(record, number=7)
    tracker.replay(again, [], State.RUNNING)
    tracker.replay(again, [make_report(1, 0.5, "complete")], State.COMPLETE)
    assert client.get_run(run).data.tags["kdstudy.number"] == "7"


def test_numerics_that_changed_on_the_way_are_said(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    tracker, record, report = track(plan), trial(plan), make_report(1, 0.5, "complete")
    assert report.result is not None
    report.result["other_numerics_before"] = {"threads": [2, 1]}
    run = begin(tracker, record)
    tracker.replay(record, [report], State.COMPLETE)
    tags = client.get_run(run).data.tags
    assert tags["kdstudy.other_numerics_before"] == "{'threads': [2, 1]}"


def test_params_are_the_effective_configuration(track: Track, plan: Plan, client: MlflowClient) -> None:
    tracker = track(plan)
    for arm in (2, 3):
        record = trial(plan, arm)
        params = client.get_run(begin(tracker, record)).data.params
        effective = record.config.effective()
        assert params == {name: str(value) for name, value in effective.items()}
        assert ("temperature" in params) is (arm == 3)  # alpha is 1 in the other


def test_a_run_that_is_made_late_begins_with_its_trials_first_report(
    track: Track, plan: Plan, client: MlflowClient, make_report: Any
) -> None:
    """MLflow was away when the trial began. Runs start in the order of their trials."""
    tracker, at_once, late = track(plan), trial(plan), trial(plan, rate=2e-3)
    before = time.time_ns() // 10**6
    tracker.replay(at_once, [], State.RUNNING)
    line = make_report(1, 0.5)
    tracker.replay(late, [line], State.RUNNING)
    starts = {
        run.data.tags["kdstudy.key"]: run.info.start_time
        for run in client.search_runs([tracker.runs.experiment])
        if "kdstudy.key" in run.data.tags
    }
    assert starts[late.key] == line.time_ms
    assert starts[at_once.key] >= before


def test_said_again_by_another_process_is_said_once(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """There is the same run, and not one row more."""
    record = trial(plan)
    reports = [make_report(1, 0.4), make_report(2, 0.5, "complete", test=0.6)]
    seen = []
    for _ in range(3):
        tracker = track(plan)
        run = begin(tracker, record)
        for state in (State.RUNNING, State.SCHEDULED, State.RUNNING, State.COMPLETE, State.COMPLETE):
            tracker.replay(record, reports, state)
        tracker.finish()
        seen.append((run, rows(client, run), [r.info.run_id for r in runs(client, plan)]))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][2]) == 1 + 4 + 1


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (State.COMPLETE, "FINISHED"),
        (State.DIVERGED, "FINISHED"),
        (State.PRUNED, "KILLED"),
        (State.FAILED, "FAILED"),
    ],
)
def test_a_run_is_closed_with_its_outcome(
    track: Track, plan: Plan, client: MlflowClient, outcome: State, status: str
) -> None:
    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    assert client.get_run(run).info.status == "RUNNING"
    tracker.replay(record, [], outcome)
    closed = client.get_run(run)
    assert (closed.info.status, closed.data.tags["kdstudy.outcome"]) == (status, outcome)


def test_a_run_that_was_closed_is_opened_again(track: Track, plan: Plan, client: MlflowClient) -> None:
    record = trial(plan)
    run = begin(track(plan), record)
    for end in (State.FAILED, State.SCHEDULED, State.COMPLETE):
        track(plan).replay(record, [], end)
        assert client.get_run(run).info.status != "RUNNING"
        assert begin(track(plan), record) == run
        assert client.get_run(run).info.status == "RUNNING"


def test_only_what_is_new_of_a_journal_is_logged(
    track: Track, plan: Plan, make_report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process logs what it has not logged before; a new process logs everything."""
    sent: list[int] = []
    send = MlflowClient.log_batch

    def watch(self: MlflowClient, run_id: str, metrics: Any = (), **more: Any) -> None:
        sent.extend(metric.step for metric in metrics if metric.key == "loss")
        send(self, run_id, metrics=metrics, **more)

    tracker, record = track(plan), trial(plan)
    lines = [make_report(number, number / 10) for number in (1, 2, 3)]
    monkeypatch.setattr(MlflowClient, "log_batch", watch)
    for count in (0, 1, 1, 3, 3):
        tracker.replay(record, lines[:count], State.RUNNING)
    assert sent == [3, 6, 9]
    sent.clear()
    track(plan).replay(record, lines, State.RUNNING)
    assert sent == [3, 6, 9]


def test_a_report_that_was_not_taken_is_logged_the_next_time(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*values: Any, **more: Any) -> None:
        raise ConnectionError("no")

    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    lines = [make_report(number, number / 10) for number in (1, 2)]
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", away)
        with pytest.raises(ConnectionError):
            tracker.replay(record, lines[:1], State.RUNNING)
    tracker.replay(record, lines, State.RUNNING)
    assert [step for step, *_ in rows(client, run)["loss"]] == [3, 6]


def test_a_traceback_is_kept_with_its_run(track: Track, plan: Plan, client: MlflowClient) -> None:
    tracker, record = track(plan), trial(plan)
    tracker.replay(record, [], State.FAILED, {"traceback.txt": "Traceback ...\nValueError: no"})
    (search,) = runs(client, plan, "search")
    assert search.data.tags["kdstudy.why"] == "ValueError: no"
    path = client.download_artifacts(search.info.run_id, "traceback.txt")
    assert Path(path).read_text("utf-8") == "Traceback ...\nValueError: no"


def test_a_study_that_has_ended_is_closed_once(track: Track, plan: Plan, client: MlflowClient) -> None:
    """A second close by another process changes nothing. A larger budget opens the runs again."""
    track(plan).finish()
    first = [(r.info.status, r.info.end_time) for r in runs(client, plan)]
    assert {status for status, _ in first} == {"FINISHED"}
    track(plan).finish()
    assert [(r.info.status, r.info.end_time) for r in runs(client, plan)] == first
    track(plan).begin()
    assert {r.info.status for r in runs(client, plan)} == {"RUNNING"}
    track(plan).pause()
    assert {r.info.status for r in runs(client, plan)} == {"SCHEDULED"}
    track(plan).begin()
    assert {r.info.status for r in runs(client, plan)} == {"RUNNING"}


def test_a_teacher_is_recorded_once_with_its_scores(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    scores = (make_report(1, 0.8).validation or {}) | {"time_ms": 1_700_000_000_000, "parameters": 5000}
    recipe = {"teacher_steps": 600, "data": {"fraction": 0.1, "data_seed": 0}}
    seen = []
    for _ in range(2):
        track(plan).teacher("c" * 64, recipe, scores)
        (run,) = runs(client, plan, "teacher")
        seen.append((run.info.run_id, run.info.end_time, rows(client, run.info.run_id)))
    assert seen[0] == seen[1]
    assert run.info.status == "FINISHED"
    assert run.data.tags["kdstudy.key"] == "c" * 64
    assert run.data.metrics["validation/accuracy/deu"] == 0.8
    assert run.data.metrics["parameters"] == 5000
    assert run.data.params == {"teacher_steps": "600", "data.fraction": "0.1", "data.data_seed": "0"}
