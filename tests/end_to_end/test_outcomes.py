"""What does not end well: pruned, diverged and failed trials are outcomes, each with a name of its own.

A teacher that diverges stops the study.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.record.design import confirm_runs
from analysis.record.reading import read_study
from analysis.verdict.audit import audit
from study.planning.seeds import block_of

SPACE = """
from study.space import SearchSpace

SPACE = SearchSpace(
    question="Which learning rate?",
    nuisance={"learning_rate": (3e-3, 2e-3, 1e-3, 1e-5, 1e-6, 1e6, 1e-7, 1e-8)},
    fixed={"init": "base", "alpha": 1.0, "steps": 120, "batch_size": 16},
    trials=8,
    confirm_seeds=1,
    reports=4,
    sampler="grid",
    pruner="halving",
)
"""


@pytest.mark.slow
def test_pruned_and_diverged_trials_are_outcomes_and_not_failures(
    command: Any, on_ray: list[str], asked: Any, tmp_path: Path, read: Callable[..., Any]
) -> None:
    (tmp_path / "rates.py").write_text(SPACE)
    home = tmp_path / "home"
    answer = command("run", tmp_path / "rates.py", *asked.plain, *on_ray, "--home", home)
    assert answer.code == 0, answer.err
    counts = json.loads(command("status", "rates", "--home", home, "--json").out)
    assert counts["planned"] == 9
    assert (counts["diverged"], counts["failed"], counts["waiting"], counts["running"]) == (1, 0, 0, 0)
    assert counts["pruned"] >= 1
    assert counts["complete"] == 9 - 1 - counts["pruned"]

    on_record = read(home, "rates")
    assert len(on_record.trials) == 9
    for record in on_record.records:
        run = on_record.trials[record.key]
        assert run.data.tags["kdstudy.outcome"] == record.outcome
        assert run.info.status == {"pruned": "KILLED"}.get(record.outcome, "FINISHED")
        steps = [
            step
            for run_id, metric, step, *_ in on_record.metric_rows
            if run_id == run.info.run_id and metric == "validation/accuracy/macro"
        ]
        if record.outcome == "complete":
            assert steps == [30, 60, 90, 120]
            assert record.value == run.data.metrics["validation/accuracy/macro"]
        else:
            assert len(steps) < 4
            assert record.value is None
        if record.config.learning_rate == 1e6:
            assert (record.outcome, steps) == ("diverged", [])
    (confirm,) = [r for r in on_record.records if r.phase == "confirm"]
    assert confirm.outcome == "complete"
    trials = home / "studies" / "rates" / "trials"
    assert not list(trials.rglob("*.pt"))
    assert len(list(trials.glob("*/attempt-*/student"))) == 2  # the best of the search, and the confirm run
    refused = command(
        "export", "rates", "--trial", pruned_key(on_record), "--home", home, "--out", tmp_path / "s"
    )
    assert refused.code == 2
    assert "is pruned, and only a complete one has weights" in refused.err


def pruned_key(on_record: Any) -> str:
    return next(str(r.key) for r in on_record.records if r.outcome == "pruned")


def build_wrongly(logits: Path) -> None:
    """A file cut short, as its manifest says: one that a disk had cut short would be built again."""
    logits.write_bytes(logits.read_bytes()[:100])
    manifest = logits.with_name("manifest.json")
    listed = json.loads(manifest.read_text())
    listed[logits.name] = [100, hashlib.sha256(logits.read_bytes()).hexdigest()]
    manifest.write_text(json.dumps(listed))


def test_a_trial_that_fails_is_said_with_its_reason_and_the_study_goes_on(
    command: Any,
    on_ray: list[str],
    asked: Any,
    home_with_artifacts: Path,
    tmp_path: Path,
    read: Callable[..., Any],
) -> None:
    home, space = home_with_artifacts, tmp_path / "broken.py"
    space.write_text(asked.space.read_text().replace('"init": ("teacher", "random")', '"alpha": (0.5, 1.0)'))
    for logits in home.glob("artifacts/outputs/*/logits.npy"):
        build_wrongly(logits)  # what distillation reads, and labels alone do not
    few = ["--home", home, "--trials", "1", "--confirm-seeds", "0", "--concurrency", "1", *on_ray]
    answer = command("run", space, *asked.plain, *few)
    assert answer.code == 1
    assert "Traceback" not in answer.err
    counts = json.loads(command("status", "broken", "--home", home, "--json").out)
    assert (counts["planned"], counts["complete"], counts["failed"]) == (2, 1, 1)
    (reason,) = counts["reasons"].values()
    assert reason.startswith("ValueError: ")
    said = command("status", "broken", "--home", home).out
    assert reason in " ".join(said.split())
    assert "teacher_logits" in said  # the traceback
    assert list(counts["tracebacks"]) == list(counts["reasons"])
    on_record = read(home, "broken")
    (failed,) = [r for r in on_record.records if r.outcome == "failed"]
    assert failed.arm == "alpha=0.5"
    assert on_record.trials[failed.key].info.status == "FAILED"
    (traceback,) = home.glob("mlartifacts/**/traceback.txt")
    assert "teacher_logits" in traceback.read_text()

    again = command("resume", "broken", "--home", home)  # not repeated by itself
    assert again.code == 1
    for outputs in home.glob("artifacts/outputs/*"):
        shutil.rmtree(outputs)
    retried = command("resume", "broken", "--home", home, "--retry-failed")
    assert retried.code == 0, retried.err
    now = read(home, "broken")
    assert {record.outcome for record in now.records} == {"complete"}
    run = now.trials[failed.key]
    assert (run.info.run_id, run.info.status) == (on_record.trials[failed.key].info.run_id, "FINISHED")
    assert run.data.tags["kdstudy.outcome"] == "complete"


@pytest.mark.long
def test_a_teacher_that_diverges_stops_the_study_cleanly_and_says_what_works(
    command: Any,
    on_ray: list[str],
    asked: Any,
    home_with_artifacts: Path,
    tmp_path: Path,
    read: Callable[..., Any],
) -> None:
    home, space = home_with_artifacts, tmp_path / "rate.py"
    shutil.copy(asked.space, space)
    few = ["--trials", "1", "--confirm-seeds", "0", "--concurrency", "1", "--home", home, *on_ray]
    run = ["run", space, *asked.plain, *few]
    answer = command(*run, "--set", "teacher_learning_rate=1e6")
    assert (answer.code, answer.out) == (1, ""), answer.err
    assert "Traceback" not in answer.err
    *_, last = answer.err.splitlines()
    assert last == (
        "stopped: the teacher diverged at learning rate 1e+06: --set teacher_learning_rate lower, "
        "under another --name: study rate keeps the settings that it began with"
    )
    on_record = read(home, "rate")
    assert on_record.records == []
    assert sorted(run.data.tags["kdstudy.phase"] for run in on_record.runs) == ["arm", "arm", "study"]
    assert {run.info.status for run in on_record.runs} == {"SCHEDULED"}
    status = json.loads(command("status", "rate", "--home", home, "--json").out)
    assert (status["planned"], status["waiting"], status["running"], status["failed"]) == (2, 2, 0, 0)
    assert (status["driver"], status["unsent"], status["study_unsent"]) == (None, 0, False)

    lower = ["--set", "teacher_learning_rate=3e-3"]
    refused = command(*run, *lower)
    assert refused.code == 2, "the study keeps its settings, as the message has said"
    works = command(*run, *lower, "--name", "lower rate")
    assert works.code == 0, works.err
    assert {record.outcome for record in read(home, "lower rate").records} == {"complete"}


@pytest.mark.slow
def test_a_study_that_was_planned_too_large_ends_early_and_confirms_what_it_has(
    command: Any, on_ray: list[str], asked: Any, home_with_artifacts: Path, check_whole: Callable[..., Any]
) -> None:
    from study.home import Home
    from study.ledger.ledger import Ledger

    run = ("run", asked.space, *asked.plain, *on_ray, "--home", home_with_artifacts)
    assert command(*run, "--trials", "2", "--confirm-seeds", "0").code == 0
    ledger = Ledger(Home(home_with_artifacts).urls("my_space")["ledger_url"], "my_space")
    plan = ledger.require_plan()
    large = plan.space.model_copy(update={"trials": 50, "confirm_seeds": 1})
    ledger.open(plan.model_copy(update={"space": large}))
    ledger.storage.remove_session()
    answer = command(*run, "--trials", "1")
    assert answer.code == 0, answer.err
    line = "search trials per arm: 1, no longer 50; up to 2 were started: nothing new is searched, and all of"
    assert line in answer.err
    whole = check_whole(home_with_artifacts, "my_space", 2 * 2 + 2 * 1)
    assert sorted(record.phase for record in whole.records) == ["confirm"] * 2 + ["search"] * 4
    assert command("resume", "my_space", "--home", home_with_artifacts).code == 0


@pytest.mark.slow
def test_a_tuning_that_is_added_is_searched_and_confirmed_beside_the_first(
    command: Any,
    on_ray: list[str],
    asked: Any,
    finished: Any,
    copied_home: Path,
    check_whole: Callable[..., Any],
) -> None:
    """The finished study goes on: its trials stay, and the second tuning has its own, each once."""
    run = ("run", asked.space, *asked.plain, *on_ray, "--home", copied_home)
    answer = command(*run, "--tunings", "2")
    assert answer.code == 0, answer.err
    on_record = check_whole(copied_home, finished.name, 16)
    first = 1000 * block_of(finished.name)
    found = {(r.phase, r.tuning, r.config.seed): 0 for r in on_record.records}
    for r in on_record.records:
        found[r.phase, r.tuning, r.config.seed] += 1
    assert found == {
        ("search", 0, first): 6,
        ("search", 1, first + 1000): 6,
        ("confirm", 0, first + 1): 2,
        ("confirm", 1, first + 1001): 2,
    }
    for r in on_record.records:
        assert on_record.trials[r.key].data.tags["kdstudy.tuning"] == str(r.tuning)
    record = read_study(f"sqlite:///{copied_home / 'mlflow.db'}", finished.name)
    assert len(confirm_runs(record)) == 4
    assert not [finding for finding in audit(record) if finding.rule == "selection"]
    assert command(*run).code == 0  # nothing is left to do
    refused = command(*run, "--tunings", "1")
    assert (refused.code, "was begun with 2 tunings" in refused.err) == (2, True)
    other = command(*run, "--seed-block", "5")
    assert (other.code, "seed_block: " in other.err) == (2, True)
