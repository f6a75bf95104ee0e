"""The recipes of `study/tracking/README.md`, which need MLflow and pandas alone, on a finished study."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import mlflow
import pytest

README = Path(__file__).parents[2] / "study" / "tracking" / "README.md"
LANGUAGES = {"deu", "hau", "yor"}


@pytest.fixture(scope="module")
def made(finished: Any) -> dict[str, Any]:
    """All variables that the recipes make."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL))
    here = code.replace(
        "sqlite:////home/me/kdstudy-home/mlflow.db", f"sqlite:///{finished.home / 'mlflow.db'}"
    )
    here = here.replace('["quickstart"]', f'["{finished.name}"]')
    assert str(finished.home) in here
    before, variables = mlflow.get_tracking_uri(), dict[str, Any]()
    try:
        exec(here, variables)
    finally:
        mlflow.set_tracking_uri(before)
    return variables


def test_each_confirm_run_has_each_language(made: dict[str, Any]) -> None:
    table = made["per_language"]
    assert set(table["language"]) == LANGUAGES | {"macro", "worst"}
    assert len(table) == 2 * 5
    assert table["accuracy"].between(0, 1).all()


def test_arms_have_means_and_intervals(made: dict[str, Any]) -> None:
    means = made["means"]
    assert set(means.index) == {"init=random", "init=teacher"}
    of_runs = made["confirm"].groupby("tags.kdstudy.arm")["metrics.test/accuracy/macro"].mean()
    assert means.iloc[:, 0].to_dict() == pytest.approx(of_runs.to_dict())


def test_retention_below_the_limit_is_found(made: dict[str, Any]) -> None:
    low, every = made["low_retention"], made["retention"]
    assert (low < 0.9).all()
    assert len(every) == 2 * 5
    assert len(low) == (every < 0.9).sum()


def test_no_arm_of_the_front_is_beaten_by_a_smaller_one(made: dict[str, Any]) -> None:
    front, sizes = made["pareto"], made["sizes"]
    assert 1 <= len(front) <= len(sizes)
    for _, arm in front.iterrows():
        smaller = sizes[sizes["metrics.parameters"] < arm["metrics.parameters"]]
        assert (smaller["metrics.test/accuracy/macro"] < arm["metrics.test/accuracy/macro"]).all()


def test_the_lowest_language_of_each_arm_is_named(made: dict[str, Any]) -> None:
    assert set(made["lowest"].index) == {"init=random", "init=teacher"}
    assert set(made["lowest"]) <= LANGUAGES


def test_a_study_without_failures_has_none(made: dict[str, Any]) -> None:
    assert made["failures"].empty


def test_a_model_of_each_arm_is_there_and_answers(made: dict[str, Any]) -> None:
    assert {model.tags["kdstudy.arm"] for model in made["models"]} == {"init=random", "init=teacher"}
    assert list(made["answers"]) == ["label", "score"]
    assert len(made["answers"]) == 2
