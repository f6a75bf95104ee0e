"""MLflow's experiment and runs are found or made once, after any kill and any lost answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from study.errors import RequestError
from study.ledger.records import State
from study.planning.plan import Plan
from study.tracking.experiment import find_experiment
from study.tracking.runs import ENDED, Runs
from study.tracking.store import check_tracking
from study.tracking.tracker import Tracker
from study.trial.progress import Progress
from tests.tracking.recorded import begin, rows, runs, trial

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., Progress]
Track = Callable[..., Tracker]


def test_a_run_that_stays_as_it_is_is_not_written_again(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """Also by another process: the end of the run keeps its time."""
    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    lines = [make_report(1, 0.5, "complete")]
    tracker.replay(record, lines, State.COMPLETE)
    ended = client.get_run(run).info
    for each in (tracker, track(plan)):
        each.replay(record, lines, State.COMPLETE)
        assert (client.get_run(run).info.status, client.get_run(run).info.end_time) == (
            "FINISHED",
            ended.end_time,
        )


def test_more_metrics_than_a_server_takes_at_once_arrive_in_parts(
    track: Track,
    plan: Plan,
    client: MlflowClient,
    make_report: MakeReport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """205 languages fit into one call, 350 do not."""
    sent: list[int] = []
    send = MlflowClient.log_batch

    def watch(self: MlflowClient, run_id: str, metrics: Any = (), **more: Any) -> None:
        sent.append(len(metrics))
        send(self, run_id, metrics=metrics, **more)

    tracker = track(plan)
    for rate, count, parts in ((1e-3, 205, [622]), (2e-3, 350, [800, 257])):
        record, languages = trial(plan, rate=rate), [f"l{number:03d}" for number in range(count)]
        run = begin(tracker, record)
        with monkeypatch.context() as patch:
            patch.setattr(MlflowClient, "log_batch", watch)
            tracker.replay(record, [make_report(1, 0.5, languages=languages)], State.RUNNING)
        assert sent == parts
        sent.clear()
        assert len(client.get_run(run).data.metrics) == sum(parts)


@pytest.mark.parametrize("who", ["this process", "the next one"])
def test_a_run_that_was_made_though_its_answer_was_lost_is_the_one(
    track: Track, plan: Plan, client: MlflowClient, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """The server had made the run, and its answer was lost."""
    create = MlflowClient.create_run

    def lose(*values: Any, **more: Any) -> None:
        create(*values, **more)
        raise ConnectionError("connection reset")

    tracker, record = track(plan), trial(plan)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "create_run", lose)
        with pytest.raises(ConnectionError):
            tracker.replay(record, [], State.RUNNING)
    if who == "the next one":
        tracker = track(plan)
    tracker.replay(record, [], State.RUNNING)
    (run,) = runs(client, plan, "search")
    assert run.data.params["init"] == "teacher"


def test_of_two_runs_of_one_trial_the_older_stays(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """A server that was too slow for its client made the first run in the end."""
    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    first = client.get_run(run)
    late = client.create_run(tracker.runs.experiment, first.info.start_time + 1, first.data.tags)
    track(plan).replay(record, [make_report(1, 0.5, "complete")], State.COMPLETE)
    (left,) = runs(client, plan, "search")
    assert (left.info.run_id, left.info.status) == (run, "FINISHED")
    assert client.get_run(late.info.run_id).info.lifecycle_stage == "deleted"


def test_params_that_a_kill_left_out_are_added(
    track: Track, plan: Plan, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is made in one step, and its params are written in a second step."""
    record = trial(plan)

    def die(*values: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", die)
        with pytest.raises(KeyboardInterrupt):
            track(plan)
    tracker = track(plan)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", die)
        with pytest.raises(KeyboardInterrupt):
            tracker.replay(record, [], State.RUNNING)
    run = begin(track(plan), record)
    assert client.get_run(run).data.params["init"] == "teacher"
    assert len(runs(client, plan)) == 1 + 4 + 1
    assert all(each.data.params for each in runs(client, plan))


def test_making_a_tracker_reads_and_makes_no_run(
    tracking_uri: str, plan: Plan, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study with thousands of runs starts at once: the outbox reads them, and nobody waits."""
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "search_runs", None)
        tracker = Tracker(tracking_uri, None, plan, f"{plan.name} drawn")
    assert runs(client, plan) == []
    tracker.begin()
    assert {run.info.status for run in runs(client, plan)} == {"RUNNING"}


def test_a_step_that_is_reported_anew_keeps_its_first_time(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """The journal was lost with its home, and the trial has repeated its last interval."""
    first, last = make_report(1, 0.5), make_report(2, 0.6, "complete", test=0.7)
    again = replace(first, time_ms=first.time_ms + 60_000)
    one = trial(plan)
    track(plan).replay(one, [first], State.RUNNING)
    other = track(plan)
    other.replay(one, [again], State.RUNNING)
    other.replay(one, [again, last], State.COMPLETE)
    (run,) = runs(client, plan, "search")
    found = rows(client, run.info.run_id)
    for name in ("validation/accuracy/macro", "validation/accuracy/deu", "loss"):
        assert [at[:2] for at in found[name]] == [(3, first.time_ms), (6, last.time_ms)]
    assert len(found["test/accuracy/macro"]) == 1


def test_another_study_of_the_same_name_is_refused(track: Track, plan: Plan) -> None:
    track(plan)
    with pytest.raises(
        RequestError, match=r": another study has this name in MLflow; choose another --name$"
    ):
        track(plan, "by another")


def test_an_experiment_that_is_nobodys_is_refused(track: Track, plan: Plan, client: MlflowClient) -> None:
    client.create_experiment(plan.name)
    with pytest.raises(RequestError, match="another study has this name in MLflow"):
        track(plan)


def test_a_deleted_experiment_is_restored_with_its_runs(
    track: Track, plan: Plan, client: MlflowClient
) -> None:
    first = track(plan)
    made = {run.info.run_id for run in runs(client, plan)}
    client.delete_experiment(first.runs.experiment)
    assert track(plan).runs.experiment == first.runs.experiment
    assert {run.info.run_id for run in runs(client, plan)} == made


def test_a_renamed_experiment_is_found_by_the_id_of_its_study(
    track: Track, plan: Plan, client: MlflowClient
) -> None:
    """Also if another study has taken the old name since."""
    first = track(plan)
    client.rename_experiment(first.runs.experiment, f"{plan.name}, renamed")
    assert track(plan).runs.experiment == first.runs.experiment
    client.create_experiment(plan.name)
    again = track(plan)
    assert again.runs.experiment == first.runs.experiment
    assert again.arm_runs == first.arm_runs


def test_an_experiment_that_lost_its_tag_is_known_by_its_runs(
    track: Track, plan: Plan, client: MlflowClient
) -> None:
    first = track(plan)
    client.delete_experiment_tag(first.runs.experiment, "kdstudy.study")
    assert track(plan).runs.experiment == first.runs.experiment
    assert client.get_experiment(first.runs.experiment).tags["kdstudy.study"] == first.runs.study_id


def test_a_run_that_was_deleted_is_restored_and_no_second_one_is_made(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    record, last = trial(plan, outcome=State.COMPLETE), make_report(1, 0.5, "complete")
    first = track(plan)
    first.replay(record, [last], State.COMPLETE)
    (run,) = runs(client, plan, "search")
    before = rows(client, run.info.run_id)
    assert not track(plan).lacks(record)
    for gone in (run.info.run_id, first.arm_runs[record.arm]):
        client.delete_run(gone)
    again = track(plan)
    assert again.lacks(record)
    again.replay(record, [last], State.COMPLETE)
    assert not track(plan).lacks(record)
    (back,) = runs(client, plan, "search")
    assert (back.info.run_id, back.data.tags) == (run.info.run_id, run.data.tags)
    assert rows(client, run.info.run_id) == before
    assert again.arm_runs == first.arm_runs


@pytest.mark.parametrize(
    "tag", ["kdstudy.identity", "kdstudy.outcome", "kdstudy.arm", "kdstudy.phase", "mlflow.parentRunId"]
)
def test_a_tag_that_was_removed_is_written_again(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport, tag: str
) -> None:
    record, last = trial(plan, outcome=State.COMPLETE), make_report(1, 0.5, "complete")
    track(plan).replay(record, [last], State.COMPLETE)
    (run,) = runs(client, plan, "search")
    client.delete_tag(run.info.run_id, tag)
    again = track(plan)
    assert again.lacks(record) is (tag != "kdstudy.identity")  # the other tags show the identity
    again.replay(record, [last], State.COMPLETE)
    (back,) = runs(client, plan, "search")
    assert (back.info.run_id, back.data.tags) == (run.info.run_id, run.data.tags)


def test_what_is_deleted_while_a_study_runs_is_restored_at_the_next_attempt(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    for what in ("run", "experiment"):
        if what == "run":
            client.delete_run(run)
        else:
            client.delete_experiment(tracker.runs.experiment)
        reports = [make_report(1, 0.5, "complete")]

        def job(reports: list[Progress] = reports) -> None:
            tracker.replay(record, reports, State.COMPLETE)

        tracker._logged.clear()
        with pytest.raises(MlflowException):
            tracker.mending(job)
        assert tracker.changed
        tracker.mending(job)
        assert client.get_run(run).info.lifecycle_stage == "active"
    assert len(rows(client, run)["validation/accuracy/macro"]) == 1


def test_a_study_that_goes_on_does_not_need_its_server_at_once(
    make_plan: MakePlan, tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs wait until the server is back; then they find the experiment, or make it."""
    check_tracking("http://127.0.0.1:9", "demo", "drawn")
    away = Tracker("http://127.0.0.1:9", None, make_plan(name="back"), "drawn for back", goes_on=True)
    with pytest.raises(MlflowException):
        away.begin()
    away.runs.client = MlflowClient(tracking_uri)
    away.begin()
    assert {run.info.status for run in runs(away.runs.client, away.plan)} == {"RUNNING"}


def test_a_run_is_made_once_and_found_by_its_identity(
    tracking_uri: str, client: MlflowClient, request: pytest.FixtureRequest
) -> None:
    name = request.node.name
    first = Runs(tracking_uri, None, name, f"drawn for {name}")
    assert first.status("one") is None
    run = first.get("one", {"kdstudy.phase": "arm"}, "the one", params={"init": "random"})
    assert first.get("one", {}, "another name") == run
    child = first.get("two", {}, "below", parent=run, start_time=1_700_000_000_000)
    again = Runs(tracking_uri, None, name, f"drawn for {name}")
    assert (again.get("one", {}, ""), again.get("two", {}, "")) == (run, child)
    assert (again.lacks_params(run), again.lacks_params(child)) == (False, True)
    found = client.get_run(child)
    assert (found.data.tags["mlflow.parentRunId"], found.info.start_time) == (run, 1_700_000_000_000)
    assert client.get_run(run).data.params == {"init": "random"}
    assert len(client.search_runs([first.experiment])) == 2


def test_a_status_is_that_of_mlflow_and_closes_or_opens_a_run(
    tracking_uri: str, client: MlflowClient, request: pytest.FixtureRequest
) -> None:
    made = Runs(tracking_uri, None, request.node.name, request.node.name)
    run = made.get("one", {}, "the one")
    for status in ("RUNNING", "SCHEDULED", "KILLED", "RUNNING", "FINISHED"):
        made.set_status(run, status)
        found = client.get_run(run).info
        assert found.status == made.status("one") == status
        assert status not in ENDED or found.end_time is not None
    assert Runs(tracking_uri, None, request.node.name, request.node.name).status("one") == "FINISHED"


def test_of_two_processes_that_make_one_experiment_the_later_finds_it(
    tracking_uri: str, client: MlflowClient, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process makes the experiment between the look and the call, so the server refuses."""
    name, look, looks = request.node.name, find_experiment, iter([False, True])
    there = client.create_experiment(name, tags={"kdstudy.study": name})

    def late(*asked: Any) -> Any:
        return look(*asked) if next(looks) else None

    monkeypatch.setattr("study.tracking.runs.find_experiment", late)
    assert Runs(tracking_uri, None, name, name).experiment == there
    assert next(looks, None) is None
