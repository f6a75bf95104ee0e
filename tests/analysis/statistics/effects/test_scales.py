"""Interactions on two scales: the sign of a difference of differences may depend on the scale."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from analysis.report.sections.effects import copying, main_effects
from analysis.statistics.effects.estimates import effects
from analysis.statistics.effects.scales import interactions_on_two_scales
from analysis.verdict.results import Results
from tests.analysis.effect_tables import row
from tests.analysis.invented import invented_study
from tests.analysis.tables import confirmed_table

TWO: dict[str, tuple[Any, ...]] = {"init": ("random", "teacher"), "depth": (2, 4)}
EFFECT = "init x depth: (teacher - random) at 4 - at 2"


def table(means: tuple[float, float, float, float], spread: float = 0.001) -> Any:
    """Macro accuracy of random and copied students of depth 2, and of depth 4."""
    rng = np.random.default_rng(0)
    at = dict(zip([("random", 2), ("teacher", 2), ("random", 4), ("teacher", 4)], means, strict=True))
    return confirmed_table(
        TWO, lambda levels, seed: at[levels["init"], levels["depth"]] + float(rng.normal(0, spread))
    )


@pytest.mark.parametrize(
    ("means", "depends"),
    [
        ((0.50, 0.60, 0.90, 0.95), True),  # 5 points less, and more in logits: near the ceiling
        ((0.50, 0.60, 0.50, 0.70), False),
        ((0.50, 0.60, 0.70, 0.72), False),  # less on both scales
        ((0.50, 0.70, 0.30, 0.40), False),
    ],
)
def test_the_sign_depends_on_the_scale_near_the_ceiling(
    means: tuple[float, float, float, float], depends: bool
) -> None:
    (found,) = interactions_on_two_scales(table(means), TWO).to_dict("records")
    a, b, c, d = means
    logits = [math.log(y / (1 - y)) for y in means]
    assert found["effect"] == EFFECT
    assert found["accuracy"] == pytest.approx((d - c) - (b - a), abs=0.003)
    assert found["logit"] == pytest.approx((logits[3] - logits[2]) - (logits[1] - logits[0]), abs=0.05)
    assert found["low"] < found["logit"] < found["high"]
    assert found["depends"] is depends


def test_accuracies_are_those_of_the_table_of_effects() -> None:
    results = table((0.5, 0.6, 0.9, 0.95))
    (found,) = interactions_on_two_scales(results, TWO).to_dict("records")
    same = row(effects(results, TWO), EFFECT)
    assert (found["accuracy"], found["accuracy_p"]) == pytest.approx((same["estimate"], same["p"]))


def test_a_sign_that_is_shown_on_neither_scale_depends_on_nothing() -> None:
    (found,) = interactions_on_two_scales(table((0.50, 0.60, 0.90, 0.95), spread=0.2), TWO).to_dict("records")
    assert min(found["accuracy_p"], found["p"]) > 0.05
    assert not found["depends"]


def test_an_accuracy_of_one_has_a_logit_too() -> None:
    (found,) = interactions_on_two_scales(table((0.5, 0.6, 0.9, 1.0), spread=0.0), TWO).to_dict("records")
    assert math.isfinite(found["logit"])


def test_without_an_interaction_there_is_no_row() -> None:
    one = {"init": ("random", "teacher")}
    assert len(interactions_on_two_scales(confirmed_table(one, lambda levels, seed: 0.5), one)) == 0


def test_the_report_says_that_the_sign_depends_on_the_scale() -> None:
    """Copying adds 10 points on labels and 5 under distillation, near the ceiling."""
    space = {"init": ("random", "teacher"), "alpha": (1.0, 0.2)}
    at = {("random", 1.0): 0.5, ("teacher", 1.0): 0.62, ("random", 0.2): 0.88, ("teacher", 0.2): 0.95}
    results = Results(invented_study(space, score=lambda levels: at[levels["init"], levels["alpha"]]))
    assert results.scales["depends"].all()
    for section in (copying(results), main_effects(results)):
        assert any("depends on the scale" in text for text in section.text)
        (shown,) = (table for table in section.tables if "in logits" in table.columns)
        assert any(cell.endswith("#") for line in shown.rows for cell in line)
        assert "log(y / (1 - y))" in (shown.note or "")
    other = Results(invented_study(space))
    assert not any("depends on the scale" in text for text in main_effects(other).text)
