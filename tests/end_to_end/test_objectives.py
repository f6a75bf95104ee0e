"""A study with several objectives, through the command line: run, resumed, shown everywhere, exported."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Which students are worth their size?",
    nuisance={"depth": (1, 2), "learning_rate": Range(low=2e-3, high=1e-2, log=True)},
    fixed={
        "steps": 30,
        "batch_size": 16,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    sampler="tpe",
    trials=6,
    confirm_seeds=3,
    reports=1,
)
"""
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def asked(
    kdstudy: Any, task_folder: Path, base_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The study, begun with 4 trials, and gone on with to 7."""
    folder = tmp_path_factory.mktemp("objectives")
    (folder / "mine.py").write_text(SPACE, encoding="utf-8")
    on = ["--task", str(task_folder), "--model", str(base_folder), "--home", str(folder / "home")]
    run = ["run", str(folder / "mine.py"), *on, "--objective", "accuracy,latency,parameters"]
    first = kdstudy(*run, "--trials", "4")
    more = kdstudy(*run, "--trials", "7")
    return {"first": first, "more": more, "home": folder / "home", "folder": folder, "on": on}


def status_of(command: Any, asked: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(command("status", "mine", "--home", str(asked["home"]), "--json").out)
    return status


def test_the_front_is_in_the_status_with_costs_and_values(command: Any, asked: dict[str, Any]) -> None:
    assert asked["first"].code == 0, asked["first"].err
    assert asked["more"].code == 0, asked["more"].err
    status = status_of(command, asked)
    front = status["front"]
    depths = [student["values"]["depth"] for student in front]
    assert len(set(depths)) == len(depths) in (1, 2)  # equal shapes cost the same, so one of each is on it
    assert [student["value"] for student in front] == sorted((s["value"] for s in front), reverse=True)
    for student in front:
        assert set(student["costs"]) == {"latency_ms", "parameters"}
        assert min(student["costs"].values()) > 0
    shown = command("status", "mine", "--home", str(asked["home"])).out
    assert "the Pareto front on validation" in shown
    assert all(student["key"][:8] in shown for student in front)


def test_every_student_of_the_front_was_confirmed_on_fresh_seeds(command: Any, asked: dict[str, Any]) -> None:
    status = status_of(command, asked)
    assert (status["waiting"], status["failed"]) == (0, 0)
    assert status["complete"] == status["planned"] == 7 + 3 * len(status["front"])


def test_mlflow_has_the_costs_the_device_and_a_view_of_the_front(command: Any, asked: dict[str, Any]) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{asked['home'] / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("mine")
    assert experiment is not None
    views = " ".join(str(value) for tag, value in experiment.tags.items() if "sharedViewState" in tag)
    assert "Pareto front: test accuracy against costs" in views
    runs = client.search_runs([experiment.experiment_id], "tags.kdstudy.phase = 'confirm'")
    tried = {run.data.tags["kdstudy.tried"] for run in runs}
    assert {student["key"] for student in status_of(command, asked)["front"]} <= tried
    for run in runs:
        assert run.data.metrics["size_mb"] == 4 * run.data.metrics["parameters"] / 1e6
        assert run.data.metrics["latency_ms"] > 0
        assert "thread" in run.data.tags["kdstudy.latency_on"]
        assert run.data.tags["kdstudy.selected"] == "Pareto front"


def test_the_report_answers_with_the_front(command: Any, asked: dict[str, Any]) -> None:
    out, front = asked["folder"] / "report", status_of(command, asked)["front"]
    told = command("report", "mine", "--home", str(asked["home"]), "--out", str(out))
    words = " ".join(told.out.split())
    number = "1 of 7 students is" if len(front) == 1 else f"{len(front)} of 7 students are"
    assert f"{number} on the Pareto front of accuracy and latency and parameters" in words
    assert "points of macro test accuracy (3 seeds" in words
    assert "latency of one text on" in words
    page = (out / "report.md").read_text("utf-8")
    assert "## The Pareto front" in page
    assert "there are no two arms" not in page
    assert (out / "figures" / "front.svg").exists()
    with (out / "front.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [student["key"] for student in front]
    for row, student in zip(rows, front, strict=True):
        assert float(row["score"]) == student["value"]
        assert float(row["latency_ms"]) == student["costs"]["latency_ms"]
        assert int(row["seeds"]) == 3
        assert float(row["low"]) <= float(row["estimate"]) <= float(row["high"])


def test_export_within_a_cost_takes_the_best_student_that_is_cheap_enough(
    command: Any, asked: dict[str, Any]
) -> None:
    cheapest = min(status_of(command, asked)["front"], key=lambda student: student["costs"]["parameters"])
    limit = cheapest["costs"]["parameters"]
    out, home = asked["folder"] / "student", ["--home", str(asked["home"])]
    told = command("export", "mine", "--within", f"parameters={limit}", "--out", str(out), *home)
    assert told.code == 0, told.err
    about = json.loads((out / "kdstudy.json").read_text("utf-8"))
    assert about["key"] == cheapest["key"]
    weights = (out / "model.safetensors").stat().st_size
    assert weights == pytest.approx(4 * limit, rel=0.05)  # the file has a head


@pytest.mark.parametrize(
    ("within", "complaint"),
    [
        (["latency_ms=0"], "no complete trial is within this; the lowest are latency_ms="),
        (["latency"], "must be cost=number, such as latency_ms=5"),
        (["speed=3"], "speed: no such cost"),
        (["size=fast"], "must be cost=number"),
    ],
)
def test_a_limit_that_cannot_be_met_or_read_is_refused(
    command: Any, asked: dict[str, Any], within: list[str], complaint: str
) -> None:
    out = asked["folder"] / "refused"
    options = [part for limit in within for part in ("--within", limit)]
    refused = command("export", "mine", *options, "--out", str(out), "--home", str(asked["home"]))
    assert refused.code == 2
    assert complaint in refused.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--objective", "f1,parameters"], "--objective f1: students of this task are compared by accuracy"),
        (["--objective", "parameters"], "must begin with accuracy or f1"),
        (["--objective", "accuracy,size", "--tunings", "2"], "--tunings: must be 1 if there are costs"),
        (["--objective", "accuracy,size", "--pruner", "median"], "pruner: must be none if there are costs"),
    ],
)
def test_a_request_of_another_form_is_refused(
    command: Any, asked: dict[str, Any], options: list[str], complaint: str
) -> None:
    home = ["--home", str(asked["folder"] / "other home")]
    refused = command("plan", str(asked["folder"] / "mine.py"), *asked["on"][:4], *home, *options)
    assert refused.code == 2
    assert complaint in refused.err
    assert not (asked["folder"] / "other home").exists()
