"""MLflow as it is written: one run per key for ever, nested, complete; said twice is said once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from study.config import TrialConfig
from study.errors import RequestError
from study.ledger.records import Record, State
from study.planning.plan import Plan
from study.tracking.store import check_tracking, make_database
from study.tracking.tracker import Tracker
from study.trial.progress import Progress

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., Progress]
Track = Callable[..., Tracker]

ARMS: dict[str, Any] = {"scientific": {"init": ("random", "teacher"), "alpha": (1.0, 0.5)}}


@pytest.fixture
def plan(make_plan: MakePlan, request: pytest.FixtureRequest) -> Plan:
    """Four arms; the study is named after the test, so that each has an experiment of its own."""
    return make_plan(name=request.node.name, **ARMS)


@pytest.fixture
def track(tracking_uri: str, tmp_path: Path) -> Track:
    """`track(plan)`: the tracker of a new process, as a study begins or goes on."""

    def new(plan: Plan, study_id: str = "drawn") -> Tracker:
        artifacts = (tmp_path / "artifacts").as_uri()
        tracker = Tracker(tracking_uri, artifacts, plan, f"{plan.name} {study_id}")
        assert tracker.arm_runs  # made, or found, at the first use
        return tracker

    return new


@pytest.fixture
def client(tracking_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri)


def record_of(config: TrialConfig, arm: str, phase: Any = "search", outcome: Any = None) -> Record:
    return Record(
        key=config.key,
        phase=phase,
        arm=arm,
        number=0,
        config=config,
        outcome=outcome,
        value=None,
        why=None,
        trial_id=1,
    )


def trial(plan: Plan, arm: int = 3, rate: float = 1e-3, seed: int = 0, **more: Any) -> Record:
    chosen = plan.arms()[arm]
    return record_of(plan.config(chosen, {"learning_rate": rate}, seed), chosen.name, **more)


def begin(tracker: Tracker, record: Record) -> str:
    """The trial's run, once it has been opened."""
    tracker.replay(record, [], State.RUNNING)
    (run,) = tracker.runs.client.search_runs([tracker.runs.experiment], f"tags.kdstudy.key = '{record.key}'")
    return str(run.info.run_id)


def runs(client: MlflowClient, plan: Plan, phase: str | None = None) -> list[Run]:
    experiment = client.get_experiment_by_name(plan.name)
    assert experiment is not None
    query = f"tags.kdstudy.phase = '{phase}'" if phase else ""
    return list(client.search_runs([experiment.experiment_id], query, order_by=["attributes.start_time"]))


def rows(client: MlflowClient, run_id: str) -> dict[str, list[tuple[int, int, float]]]:
    """Every row of every metric, not the last alone."""
    names = client.get_run(run_id).data.metrics
    return {
        name: [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run_id, name)]
        for name in names
    }


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
    """Within ten characters, and in the order of the arms, however many they are."""
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


def test_a_run_has_the_number_of_its_trials_last_attempt(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """It orders equal trials; the ledger tries one again under a new number."""
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


def test_a_teacher_that_was_computed_otherwise_is_said(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    tracker, record, report = track(plan), trial(plan), make_report(1, 0.5, "complete")
    assert report.result is not None
    report.result["other_numerics_of_teacher"] = {"outputs": {"threads": [2, 1]}}
    run = begin(tracker, record)
    tracker.replay(record, [report], State.COMPLETE)
    said = client.get_run(run).data.tags["kdstudy.numerics"]
    assert said == "device=cpu threads=1 teacher_outputs_threads=2"


def test_params_are_the_effective_configuration(track: Track, plan: Plan, client: MlflowClient) -> None:
    tracker = track(plan)
    for arm in (2, 3):
        record = trial(plan, arm)
        params = client.get_run(begin(tracker, record)).data.params
        effective = record.config.effective()
        assert params == {name: str(value) for name, value in effective.items()}
        assert ("temperature" in params) is (arm == 3)  # alpha is 1 in the other


def test_a_report_is_logged_at_its_step_and_time(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    lines = [make_report(number, number / 10) for number in (1, 2)]
    for count in (1, 2):
        tracker.replay(record, lines[:count], State.RUNNING)
    found = rows(client, run)
    metrics = ("accuracy", "macro_f1", "retention")
    languages = ("deu", "yor", "macro", "worst")
    assert set(found) == {"loss"} | {f"validation/{m}/{name}" for m in metrics for name in languages}
    at = [(3, 1_700_000_000_001), (6, 1_700_000_000_002)]
    assert found["validation/accuracy/deu"] == [(*at[0], 0.1), (*at[1], 0.2)]
    assert [value for *_, value in found["validation/accuracy/yor"]] == pytest.approx([0.2, 0.3])
    assert found["loss"] == [(*at[0], 0.9), (*at[1], 0.8)]


def test_a_run_that_is_made_late_begins_with_its_trials_first_report(
    track: Track, plan: Plan, client: MlflowClient, make_report: Any
) -> None:
    """MLflow was away meanwhile; the order of starts is that of the trials."""
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


def test_test_is_logged_only_where_it_was_scored(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    tracker = track(plan)
    for record, test in ((trial(plan), None), (trial(plan, seed=1, phase="confirm"), 0.7)):
        run = begin(tracker, record)
        report = make_report(1, 0.5, "complete", test=test)
        tracker.replay(record, [report], State.RUNNING)
        tracker.replay(record, [report], State.COMPLETE)
        found = rows(client, run)
        assert (found["seconds"], found["parameters"]) == (
            [(3, report.time_ms, 1.5)],
            [(3, report.time_ms, 1000.0)],
        )
        tests = {name: values for name, values in found.items() if name.startswith("test/")}
        assert len(tests) == (0 if test is None else 12)
        if test is not None:
            assert tests["test/accuracy/worst"] == [(3, report.time_ms, 0.7)]


def test_what_was_not_measured_has_no_metric(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """A diverged trial's last report has neither loss nor scores; a teacher at zero leaves no retention."""
    tracker, diverged = track(plan), trial(plan)
    run = begin(tracker, diverged)
    tracker.replay(diverged, [make_report(1, None, "diverged")], State.DIVERGED)
    assert set(rows(client, run)) == {"seconds", "parameters"}
    other, report = trial(plan, rate=2e-3), make_report(1, 0.5)
    assert report.validation is not None
    report.validation["retention"] = {"macro": None, "worst": None, "by_language": {}}
    run = begin(tracker, other)
    tracker.replay(other, [report], State.RUNNING)
    assert not [name for name in rows(client, run) if "retention" in name]


def test_more_metrics_than_a_server_takes_at_once_arrive_in_parts(
    track: Track,
    plan: Plan,
    client: MlflowClient,
    make_report: MakeReport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """205 languages fit at once, 350 do not."""
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


def test_said_again_by_another_process_is_said_once(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """The same run, and not one row more."""
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


def test_a_run_that_stays_as_it_is_is_not_written_again(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """Also by another process: its end keeps its time."""
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


def test_only_what_is_new_of_a_journal_is_logged(
    track: Track, plan: Plan, make_report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the process that has logged the rest; a new one cannot know, and logs all."""
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


@pytest.mark.parametrize("who", ["this process", "the next one"])
def test_a_run_that_was_made_though_its_answer_was_lost_is_the_one(
    track: Track, plan: Plan, client: MlflowClient, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """The server had made it, and could not say so."""
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
    """A server that had answered too late had made one in the end."""
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
    """A run is made, and its params are written, in two steps."""
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


def test_a_traceback_is_kept_with_its_run(track: Track, plan: Plan, client: MlflowClient) -> None:
    tracker, record = track(plan), trial(plan)
    tracker.replay(record, [], State.FAILED, "Traceback ...\nValueError: no")
    (search,) = runs(client, plan, "search")
    path = client.download_artifacts(search.info.run_id, "traceback.txt")
    assert Path(path).read_text("utf-8") == "Traceback ...\nValueError: no"


def test_making_a_tracker_reads_and_makes_no_run(
    tracking_uri: str, plan: Plan, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study with thousands of runs starts at once: they are read where nobody waits for it."""
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "search_runs", None)
        tracker = Tracker(tracking_uri, None, plan, "drawn")
    assert runs(client, plan) == []
    tracker.begin()
    assert {run.info.status for run in runs(client, plan)} == {"RUNNING"}


def test_a_study_that_has_ended_is_closed_once(track: Track, plan: Plan, client: MlflowClient) -> None:
    """Closing again, by another process, moves nothing; a larger budget opens the runs again."""
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


def test_the_study_run_says_what_was_asked(track: Track, make_plan: MakePlan, client: MlflowClient) -> None:
    plan = make_plan(name="asked", **ARMS, fixed={"steps": 50}, question="x" * 7000)
    track(plan)
    (study,) = runs(client, plan, "study")
    params = study.data.params
    assert params["scientific.init"] == "('random', 'teacher')"
    assert params["nuisance.learning_rate"] == "0.0001..0.01, logarithmic"
    assert (params["fixed.steps"], params["space"], params["task"]) == ("50", "demo", "a" * 64)
    assert len(params["question"]) == 6000  # MLflow's limit


def test_the_study_run_names_the_role_of_every_hyperparameter(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    """Of those that have an effect and are not what the request decides."""
    plan = make_plan(name="roles", **ARMS, fixed={"steps": 50})
    track(plan)
    (study,) = runs(client, plan, "study")
    named = [name.partition(".") for name in study.data.params if "." in name]
    effective = trial(plan, 3).config.effective()
    decided = {"task", "model", "model_layers", "teacher", "seed", "data_seed"}
    assert sorted(name for _, _, name in named) == sorted(effective.keys() - decided)
    assert {name: role for role, _, name in named if role != "fixed"} == {
        "init": "scientific",
        "alpha": "scientific",
        "learning_rate": "nuisance",
    }
    assert study.data.params["fixed.warmup"] == "0.1"


def test_what_has_no_effect_in_any_arm_is_not_said_to_be_held(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    """There is no temperature under mse, and at all of the data nothing that a teacher alone could see."""
    fixed = {"loss": "mse", "temperature": 4.0, "data_fraction": 1.0, "teacher_data": "full", "steps": 50}
    plan = make_plan(name="inert", **ARMS, fixed=fixed)
    track(plan)
    (study,) = runs(client, plan, "study")
    said = {name for name in fixed if f"fixed.{name}" in study.data.params}
    assert said == {"loss", "data_fraction", "steps"}


def test_defaults_of_what_is_varied_or_tuned_are_no_facts_of_the_study(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    plan = make_plan(name="defaults", scientific={"depth": (1, 2)})
    track(plan)
    (study,) = runs(client, plan, "study")
    said = study.data.params
    assert not {"depth", "learning_rate", "teacher_learning_rate"} & said.keys()
    assert {"task", "model", "model_layers", "teacher"} <= said.keys()
    assert (said["scientific.depth"], "fixed.teacher_learning_rate" in said) == ("(1, 2)", True)


def test_the_study_run_says_how_was_searched_and_no_budget_that_may_grow(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    plan = make_plan(name="how", sampler="random", pruner="median", reports=5, trials=4)
    track(plan)
    track(make_plan(name="how", sampler="random", pruner="median", reports=5, trials=9, confirm_seeds=7))
    (study,) = runs(client, plan, "study")
    said = study.data.params
    assert (said["sampler"], said["pruner"], said["reports"]) == ("random", "median", "5")
    assert not {"trials", "confirm_seeds"} & said.keys()


def test_the_study_run_says_under_which_names_task_and_model_were_asked_for(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    plan = make_plan(name="names").model_copy(update={"request": {"task": "massive", "model": "xlm-r"}})
    track(plan)
    (study,) = runs(client, plan, "study")
    said = study.data.params
    assert (said["task_source"], said["task"]) == ("massive", "a" * 64)
    assert (said["model_source"], said["model"]) == ("xlm-r", "b" * 64)


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


def test_a_deleted_experiment_is_refused(track: Track, plan: Plan, client: MlflowClient) -> None:
    client.delete_experiment(track(plan).runs.experiment)
    with pytest.raises(RequestError, match=r": its MLflow experiment was deleted; restore it or choose"):
        track(plan)


@pytest.mark.parametrize("uri", ["nonsense://here", "file:///tmp/mlruns"])
def test_a_store_that_mlflow_refuses_is_refused_in_one_line(make_plan: MakePlan, uri: str) -> None:
    with pytest.raises(RequestError, match=rf"^--tracking-uri {uri}: [^\n]+$"):
        Tracker(uri, None, make_plan(), "drawn")
    with pytest.raises(RequestError, match=rf"^--tracking-uri {uri}: [^\n]+$"):
        check_tracking(uri, "demo", None)


def test_a_server_that_does_not_answer_is_refused_at_once(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's client would try for minutes, sleeping between attempts; here the outbox tries again."""
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("tries again"))
    with pytest.raises(RequestError, match=r"^--tracking-uri http://127.0.0.1:9: [^\n]+$"):
        check_tracking("http://127.0.0.1:9", "demo", None)
    with pytest.raises(RequestError, match=r"^--tracking-uri http://127.0.0.1:9: [^\n]+$"):
        Tracker("http://127.0.0.1:9", None, make_plan(), "drawn")


def test_looking_writes_nothing_and_knows_whose_a_name_is(
    track: Track, plan: Plan, client: MlflowClient, tracking_uri: str
) -> None:
    check_tracking(tracking_uri, plan.name, None)
    assert client.get_experiment_by_name(plan.name) is None
    ours = track(plan).runs.study_id
    check_tracking(tracking_uri, plan.name, ours)
    for other in (None, "by another"):  # none: the study has not been begun
        with pytest.raises(RequestError, match="another study has this name in MLflow"):
            check_tracking(tracking_uri, plan.name, other)
    with pytest.raises(RequestError, match="another study has this name in MLflow"):
        check_tracking(tracking_uri, "Default", None)  # MLflow's own, which is nobody's
    experiment = client.get_experiment_by_name(plan.name)
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    with pytest.raises(RequestError, match="its MLflow experiment was deleted"):
        check_tracking(tracking_uri, plan.name, ours)


# A server that is away when a study goes on


def test_a_study_that_goes_on_does_not_need_its_server_at_once(
    make_plan: MakePlan, tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs wait; once the server is back they find the experiment, or make it."""
    check_tracking("http://127.0.0.1:9", "demo", "drawn")
    away = Tracker("http://127.0.0.1:9", None, make_plan(name="back"), "drawn", goes_on=True)
    with pytest.raises(MlflowException):
        away.begin()
    away.runs.client = MlflowClient(tracking_uri)
    away.begin()
    assert {run.info.status for run in runs(away.runs.client, away.plan)} == {"RUNNING"}


def test_a_database_that_cannot_be_opened_is_no_server_that_is_away(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"

    def broken(*values: Any, **more: Any) -> None:
        raise MlflowException("file is not a database")

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", broken)
    refused = pytest.raises(RequestError, match=f"^--tracking-uri {re.escape(uri)}: file is not a database$")
    with refused:
        check_tracking(uri, "demo", "drawn")
    with refused:
        Tracker(uri, None, make_plan(), "drawn", goes_on=True)


def test_a_step_that_is_reported_anew_keeps_its_first_time(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """The journal was lost with its home, and the trial has made its last interval again."""
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


# MLflow's own database


@pytest.mark.processes
def test_a_database_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill in the middle of its tables left one that MLflow could not open any more."""
    path = tmp_path / "mlflow.db"
    with monkeypatch.context() as patched:

        def killed(*values: Any, **more: Any) -> None:
            os._exit(9)

        patched.setattr(MlflowClient, "search_experiments", killed)
        if (child := os.fork()) == 0:
            make_database(path)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert [each.name.startswith(".mlflow-") for each in tmp_path.iterdir()] == [True]
    make_database(path)
    assert [each.name for each in tmp_path.iterdir()] == ["mlflow.db"]
    client = MlflowClient(f"sqlite:///{path}")
    experiment = client.create_experiment("demo")
    make_database(path)
    assert client.get_experiment(experiment).name == "demo"
