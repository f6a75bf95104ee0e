"""Matched cells: which arms agree in all that is not compared."""

from __future__ import annotations

import pytest

from analysis.statistics.effects.estimates import effects
from tests.analysis.effect_tables import CORE, INIT, TRUE, Cell, noisy, per_seed, row, table


def test_an_arm_in_which_a_factor_has_no_effect_matches_every_level_of_it() -> None:
    """At alpha = 1 there is no temperature: its arm is one, and is compared with both temperatures."""
    factors = CORE | {"temperature": (1.0, 4.0)}
    level = noisy(lambda cell: 0.4 + 0.1 * (cell["temperature"] == 4.0) + 0.05 * (cell["alpha"] == 0.2))
    results = table(factors, level, without=lambda cell: ("temperature",) if cell["alpha"] == 1 else ())
    found = effects(results, factors)
    distilled = row(found, "alpha: 0.2 - 1.0")
    assert distilled["cells"] == 3 * 2
    difference = per_seed(results, "macro", alpha=0.2) - per_seed(results, "macro", alpha=1.0)
    assert distilled["estimate"] == pytest.approx(difference.mean())
    assert row(found, "temperature: 4.0 - 1.0")["cells"] == 3  # none at alpha = 1: both sides are one arm
    assert row(found, INIT)["cells"] == 3  # alpha 1, and two temperatures at 0.2
    assert "alpha x temperature" not in set(found["factor"])


def test_a_cell_that_one_level_lacks_is_no_part_of_the_effect() -> None:
    """The copy without distillation was never confirmed: the init effect is the one at alpha 0.2."""

    def score(cell: Cell, seed: int, language: str) -> float | None:
        return None if (cell["init"], cell["alpha"]) == ("teacher", 1.0) else TRUE(cell, seed, language)

    results = table(CORE, score)
    found = row(effects(results, CORE), INIT)
    distilled = results[results["alpha"] == 0.2]
    d = per_seed(distilled, "macro", init="teacher") - per_seed(distilled, "macro", init="random")
    assert found["estimate"] == pytest.approx(d.mean())
    assert found["cells"] == 1
