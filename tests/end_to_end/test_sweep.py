"""A study that varies hyperparameters, through the command line: run, resumed, answered, asked for
predictions.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="What do init method and alpha do?",
    varied={"init": ("random", "teacher"), "alpha": Range(low=0.0, high=1.0)},
    nuisance={"learning_rate": Range(low=2e-3, high=1e-2, log=True)},
    fixed={
        "steps": 30,
        "batch_size": 16,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    trials=6,
    reports=1,
)
"""
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def swept(
    kdstudy: Any, task_folder: Path, base_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The sweep, begun with 6 trials, and gone on with to 14."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "mine.py").write_text(SPACE, encoding="utf-8")
    on = ["--task", str(task_folder), "--model", str(base_folder), "--home", str(folder / "home")]
    first = kdstudy("run", str(folder / "mine.py"), *on)
    report = kdstudy("report", "mine", "--home", str(folder / "home"))
    more = kdstudy("run", str(folder / "mine.py"), *on, "--trials", "14")
    return {
        "home": folder / "home",
        "first": first,
        "early": report,
        "more": more,
        "on": on,
        "folder": folder,
    }


def test_it_ends_without_a_confirm_phase(swept: dict[str, Any]) -> None:
    assert swept["first"].code == 0, swept["first"].err
    assert swept["more"].code == 0, swept["more"].err
    assert "confirm" not in swept["first"].err


def test_with_few_trials_there_is_no_answer_and_a_number_of_trials_that_gives_one(
    swept: dict[str, Any],
) -> None:
    assert "There is no answer yet" in swept["early"].out
    assert "needs 7" in swept["early"].out


def test_each_trial_has_its_own_seed_and_a_larger_budget_goes_on(command: Any, swept: dict[str, Any]) -> None:
    status = json.loads(command("status", "mine", "--home", str(swept["home"]), "--json").out)
    assert (status["planned"], status["complete"]) == (14, 14)
    command("report", "mine", "--home", str(swept["home"]), "--out", str(swept["folder"] / "report"))
    with (swept["folder"] / "report" / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seeds = [int(row["seed"]) for row in rows if row["phase"] == "search"]
    assert seeds == list(range(seeds[0], seeds[0] + 14))


def test_the_report_has_effects_curves_and_predictions(command: Any, swept: dict[str, Any]) -> None:
    out = swept["folder"] / "report"
    told = command("report", "mine", "--home", str(swept["home"]), "--out", str(out))
    assert told.code == 0
    assert "init from random to teacher" in told.out
    assert "Scope: each effect is averaged over all values of the other factors" in " ".join(told.out.split())
    page = (out / "report.md").read_text("utf-8")
    for title in ("What each factor does", "Predictions", "Effects by language", "The response model"):
        assert f"## {title}" in page
    for name in ("sweep_effects", "sweep_curves", "sweep_predictions"):
        assert len((out / f"{name}.csv").read_text("utf-8").splitlines()) > 2
    assert (out / "figures" / "sweep.svg").exists()


def test_a_prediction_is_printed_and_none_outside(command: Any, swept: dict[str, Any]) -> None:
    home = ["--home", str(swept["home"])]
    told = command("report", "mine", *home, "--at", "init=teacher,alpha=0.25")
    assert "predicted at init teacher, alpha 0.25, at the best learning_rate" in " ".join(told.out.split())
    refused = command("report", "mine", *home, "--at", "alpha=2")
    assert refused.code == 2
    assert refused.err.startswith("kdstudy: --at: alpha: 2 is outside 0 to 1")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--confirm-seeds", "2"], "confirm_seeds: must be 0 if hyperparameters are varied"),
        (["--pruner", "median"], "pruner: must be none if hyperparameters are varied"),
        (["--tunings", "2"], "--tunings: must be 1 if hyperparameters are varied"),
        (["--vary", "alpha"], "--vary alpha: must be key=low..high"),
    ],
)
def test_a_request_that_would_select_something_is_refused(
    command: Any, swept: dict[str, Any], options: list[str], complaint: str
) -> None:
    home = ["--home", str(swept["folder"] / "other home")]
    refused = command("plan", str(swept["folder"] / "mine.py"), *swept["on"][:4], *home, *options)
    assert refused.code == 2
    assert complaint in refused.err
    assert not (swept["folder"] / "other home").exists()
