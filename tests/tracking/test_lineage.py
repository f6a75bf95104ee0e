"""Where a run comes from: the data that it read, its command, its code, its machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import mlflow.data
import pytest
from mlflow import MlflowClient
from mlflow.entities import DatasetInput, Run

from study.ledger.records import State
from study.planning.plan import Plan
from study.planning.versions import code_commit
from study.tracking.lineage import TaskData, code_tags, machine_tags, source_tags
from study.tracking.tracker import Tracker
from study.trial.encoding import write_tokens
from study.trial.inputs import Inputs
from study.trial.progress import Progress
from tests.tracking.recorded import begin, rows, runs, trial

Track = Callable[..., Tracker]
MakeReport = Callable[..., Progress]

SEEN = {
    "machine": {"host": "node7", "cpu": "AMD EPYC", "cores": 16},
    "usage": {"process_cpu_percentage": 98.5, "process_memory_megabytes": 700.0},
    "commit": ["a" * 40, True],
}


@pytest.fixture(scope="session")
def tokenised(workshop: Any) -> Any:
    """The workshop, with the tokens of its task."""
    inputs = Inputs(workshop.store, workshop.config())
    workshop.store.build("tokens", inputs.tokens_key, lambda target, work: write_tokens(inputs, target))
    return workshop


def data_of(workshop: Any, source: str = "/data/errands", phase: str = "search", **values: Any) -> list[Any]:
    config = workshop.config(**values)
    return TaskData(workshop.store, source).of_trial(config, phase)


def contexts(inputs: list[DatasetInput]) -> dict[str, Any]:
    """Context -> data set."""
    return {tag.value: each.dataset for each in inputs for tag in each.tags}


def inputs_of(run: Run) -> list[DatasetInput]:
    assert run.inputs is not None
    return run.inputs.dataset_inputs


def test_a_search_trial_reads_train_and_validation_and_a_confirm_run_reads_test_too(tokenised: Any) -> None:
    assert list(contexts(data_of(tokenised))) == ["training", "validation"]
    there = contexts(data_of(tokenised, phase="confirm"))
    assert list(there) == ["training", "validation", "test"]
    name = tokenised.task.name
    assert [each.name for each in there.values()] == [f"{name} train", f"{name} validation", f"{name} test"]
    assert {each.digest for each in there.values()} == {tokenised.task.fingerprint[:36]}
    rows_of = {name: json.loads(each.profile)["num_rows"] for name, each in there.items()}
    splits = tokenised.task.splits
    assert list(rows_of.values()) == [len(splits[name]) for name in ("train", "validation", "test")]


def test_languages_of_a_student_and_of_its_teacher_have_a_digest_and_rows_of_their_own(
    tokenised: Any,
) -> None:
    languages = {"train_languages": "deu+yor", "teacher_languages": "hau"}
    values: dict[str, Any] = languages | {"data_fraction": 0.5}
    of_student = contexts(data_of(tokenised, **values))["training"]
    of_all = contexts(data_of(tokenised, data_fraction=0.5))["training"]
    config = tokenised.config(**values)
    of_teacher = contexts(TaskData(tokenised.store, "/data/errands").of_teacher(config))["training"]
    assert len({each.digest for each in (of_student, of_all, of_teacher)}) == 3
    profiles = [json.loads(each.profile) for each in (of_student, of_all, of_teacher)]
    assert [profile["num_rows"] for profile in profiles] == [80, 120, 80]
    assert [profile["languages"] for profile in profiles] == ["deu yor", "deu hau yor", "hau"]
    assert [profile["data_fraction"] for profile in profiles] == [0.5, 0.5, 1.0]


def test_a_fraction_has_a_digest_of_its_own_and_the_rows_that_it_comes_to(tokenised: Any) -> None:
    whole, half, tenth, other = (
        contexts(data_of(tokenised, data_fraction=fraction, data_seed=seed))["training"]
        for fraction, seed in ((1.0, 3), (0.5, 3), (0.1, 3), (0.5, 4))
    )
    assert len({each.digest for each in (whole, half, tenth, other)}) == 4
    assert all(len(each.digest) == 36 for each in (whole, half, tenth, other))
    profile = json.loads(half.profile)
    total = len(tokenised.task.splits["train"])
    assert (profile["num_rows"], profile["data_fraction"], profile["data_seed"]) == (total // 2, 0.5, 3)
    assert profile["task_fingerprint"] == tokenised.task.fingerprint
    assert profile["languages"] == " ".join(tokenised.task.languages)
    assert "data_seed" not in json.loads(whole.profile)  # all rows, whatever the seed


@pytest.mark.parametrize(
    ("source", "kind", "told"),
    [
        ("/data/errands", "local", {"uri": "/data/errands"}),
        ("hub:some/where:de", "hugging_face", {"path": "some/where", "config_name": "de"}),
        ("hub:some/where", "hugging_face", {"path": "some/where", "config_name": None}),
        ("massive", "hugging_face", {"path": "mteb/amazon_massive_intent"}),
        ("phrasebook", "code", {"tags": {"mlflow.source.name": "kdstudy, task phrasebook"}}),
        ("https://me:secret@there/x", "local", {"uri": "https://me:***@there/x"}),
    ],
)
def test_the_source_is_in_the_form_that_mlflow_reads(
    tokenised: Any, source: str, kind: str, told: dict[str, Any]
) -> None:
    dataset = data_of(tokenised, source)[0].dataset
    assert dataset.source_type == kind
    assert told.items() <= json.loads(dataset.source).items()
    assert mlflow.data.get_source(dataset)._get_source_type() == kind


def test_without_the_task_there_is_no_input_and_without_its_tokens_no_number_of_rows(
    tokenised: Any, tmp_path: Path
) -> None:
    config = tokenised.config()
    store = type(tokenised.store)(tmp_path)
    assert TaskData(store, "x").of_trial(config, "search") == []
    there = tokenised.store.path("tasks", config.task)
    store.path("tasks", config.task).parent.mkdir(parents=True)
    store.path("tasks", config.task).symlink_to(there)
    train, _ = TaskData(store, "x").of_trial(config, "search")
    assert "num_rows" not in json.loads(train.dataset.profile or "")


def test_a_teacher_reads_what_it_was_trained_on(tokenised: Any) -> None:
    full = tokenised.config(data_fraction=0.5, teacher_data="full")
    same = tokenised.config(data_fraction=0.5, teacher_data="same")
    data = TaskData(tokenised.store, "x")
    (all_rows, scored), half = data.of_teacher(full), data.of_teacher(same)
    assert json.loads(all_rows.dataset.profile or "")["data_fraction"] == 1.0
    assert list(contexts([scored])) == ["validation"]
    assert [each.dataset.digest for each in half] == [
        each.dataset.digest for each in data.of_trial(same, "search")
    ]
    given = full.model_copy(update={"teacher": "a" * 64})
    assert list(contexts(data.of_teacher(given))) == ["validation"]  # the rest is not known


def test_inputs_are_logged_once_whoever_logs_them_again(
    track: Track, plan: Plan, client: MlflowClient, tokenised: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process without a call; after a kill before the answer, MLflow keeps the inputs that it has."""
    inputs, record = data_of(tokenised, data_fraction=0.5), trial(plan)
    tracker = track(plan)
    run, identity = begin(tracker, record), f"trial/{record.key}"
    log = Mock(wraps=tracker.runs.client.log_inputs)
    monkeypatch.setattr(tracker.runs.client, "log_inputs", log)
    for _ in range(3):
        tracker.read_by(identity, lambda: inputs)
    track(plan).read_by(identity, lambda: inputs)  # a later process: it sees the inputs
    client.log_inputs(run, datasets=data_of(tokenised, data_fraction=0.5))  # as if it had not seen them
    log.assert_called_once()
    there = inputs_of(client.get_run(run))
    assert sorted(tag.value for each in there for tag in each.tags) == ["training", "validation"]
    tracker.read_by("trial/unknown", lambda: inputs)  # a run that is not there


def test_two_trials_of_one_task_share_their_data_sets(
    track: Track, plan: Plan, client: MlflowClient, tokenised: Any
) -> None:
    tracker = track(plan)
    for record in (trial(plan), trial(plan, rate=2e-3)):
        begin(tracker, record)
        tracker.read_by(f"trial/{record.key}", lambda: data_of(tokenised))
    one, two = ([each.dataset for each in inputs_of(run)] for run in runs(client, plan, "search"))
    assert sorted(map(str, map(dict, one))) == sorted(map(str, map(dict, two)))


def test_each_run_names_the_command_as_a_job_without_its_secrets() -> None:
    tags = source_tags("kdstudy run depth --tracking-uri https://me:secret@there/x")
    assert tags["mlflow.source.name"] == "kdstudy run depth --tracking-uri https://me:***@there/x"
    assert tags["mlflow.source.type"] == "JOB"
    assert source_tags(None) == {}


def test_a_run_has_the_code_that_made_it_and_a_later_process_adds_no_other(
    track: Track, plan: Plan, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of an older version has no commit, and the commit of this code would be wrong there."""
    monkeypatch.setattr("study.tracking.tracker.code_commit", lambda: None)
    track(plan)
    monkeypatch.setattr("study.tracking.tracker.code_commit", lambda: ("a" * 40, False))
    other = plan.model_copy(update={"name": f"{plan.name} new"})
    track(other)
    track(plan)
    assert all("mlflow.source.git.commit" not in run.data.tags for run in runs(client, plan, "arm"))
    for phase in ("study", "arm"):
        tags = runs(client, other, phase)[0].data.tags
        assert (tags["mlflow.source.git.commit"], tags["mlflow.source.git.dirty"]) == ("a" * 40, "false")


def test_a_trials_run_has_the_machine_and_the_code_of_its_newest_report(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    record, tracker = trial(plan), track(plan)
    run = begin(tracker, record)
    elsewhere = SEEN | {"machine": {"host": "node8", "gpu": "NVIDIA H200", "gpus": 1}}
    tracker.replay(record, [make_report(1, 0.5)], State.RUNNING, None, {1: SEEN})
    reports = [make_report(1, 0.5), make_report(2, 0.6)]
    tracker.replay(record, reports, State.RUNNING, None, {1: SEEN, 2: elsewhere})
    tags = client.get_run(run).data.tags
    assert tags["kdstudy.machine.host"] == "node8"
    assert tags["kdstudy.machine.gpu"] == "NVIDIA H200"
    assert (tags["mlflow.source.git.commit"], tags["mlflow.source.git.dirty"]) == ("a" * 40, "true")
    assert machine_tags({}) == {}
    assert code_tags(None) == {}


def test_the_use_of_the_machine_is_a_system_metric_at_the_step_of_its_report(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    record, report = trial(plan), make_report(1, 0.5)
    for _ in range(2):  # a later process logs it again, and adds no row
        tracker = track(plan)
        run = begin(tracker, record)
        tracker.replay(record, [report, make_report(2, 0.6)], State.RUNNING, None, {1: SEEN})
    found = rows(client, run)
    assert found["system/process_cpu_percentage"] == [(report.step, report.time_ms, 98.5)]
    assert found["system/process_memory_megabytes"] == [(report.step, report.time_ms, 700.0)]


def test_a_step_that_is_reported_again_after_its_home_was_lost_has_one_use(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    record, report = trial(plan), make_report(1, 0.5)
    run = begin(track(plan), record)
    track(plan).replay(record, [report], State.RUNNING, None, {1: SEEN})
    later = replace(report, time_ms=report.time_ms + 7)
    other = SEEN | {"usage": {"process_cpu_percentage": 5.0}}
    track(plan).replay(record, [later], State.RUNNING, None, {1: other})
    found = rows(client, run)
    assert found["system/process_cpu_percentage"] == [(report.step, report.time_ms, 98.5)]
    assert len(found["validation/accuracy/macro"]) == 1


@pytest.mark.processes
def test_the_commit_is_whole_and_says_whether_files_differ() -> None:
    if (found := code_commit()) is not None:
        commit, dirty = found
        assert len(commit) == 40
        assert isinstance(dirty, bool)
