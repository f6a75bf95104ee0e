"""The confirm runs as an array: shared languages, and the worst language of each run."""

from __future__ import annotations

import pytest

from analysis.statistics.effects.estimates import effects
from tests.analysis.effect_tables import CORE, INIT, TRUE, Cell, noise, row, table


def test_a_language_that_one_arm_lacks_is_left_out_of_the_pairs() -> None:
    """`yor` is 0.5 below the others: macro with it on one side alone would be far off."""

    def score(cell: Cell, seed: int, language: str) -> float | None:
        if language == "yor" and cell["init"] == "random":
            return None
        return TRUE(cell, seed, language) - 0.5 * (language == "yor")

    found = effects(table(CORE, score), CORE)
    macro = row(found, INIT)
    assert (macro["languages"], macro["cells"]) == (3, 2)
    assert macro["estimate"] == pytest.approx(0.2, abs=0.02)
    assert row(found, INIT, "worst")["estimate"] == pytest.approx(0.2, abs=0.05)
    assert "yor" not in set(found[found["effect"] == INIT]["outcome"])
    assert row(found, "init: teacher - base", "macro")["languages"] == 4


def test_worst_is_the_lowest_language_of_each_run() -> None:
    """The copy's lowest is 0.1, in zul; random init's is 0.2, in deu."""
    lowest = {"random": {"deu": 0.2}, "teacher": {"zul": 0.1}}

    def score(cell: Cell, seed: int, language: str) -> float:
        return lowest.get(cell["init"], {}).get(language, 0.5) + 0.001 * noise(*cell.items(), seed)

    found = row(effects(table(CORE, score), CORE), INIT, "worst")
    assert found["estimate"] == pytest.approx(-0.1, abs=0.005)
