"""The sections of a sweep: what they hold, what they leave out, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.report.sections.first import first_screen
from analysis.report.sections.order import sections
from analysis.report.write import write_report
from analysis.verdict.results import Results
from tests.analysis.planted_sweep import SATURATING, planted, record_of


@pytest.fixture(scope="module")
def results() -> Results:
    return Results(record_of(*planted(SATURATING, 64, np.random.default_rng(0))))


def titled(results: Results) -> dict[str, Any]:
    return {section.title: section for section in sections(results)}


def test_the_first_screen_has_the_curves_alone(results: Results) -> None:
    assert [drawing.name for drawing in first_screen(results)] == ["sweep"]


def test_a_sweep_has_sections_of_its_own(results: Results) -> None:
    found = list(titled(results))
    assert found[:5] == [
        *("What each factor does", "Which factors work together", "Predictions", "Effects by language"),
        "The response model",
    ]
    assert "Arms" not in found


def test_the_table_of_effects_has_a_row_for_each_difference(results: Results) -> None:
    (table,) = titled(results)["What each factor does"].tables
    assert table.columns[:4] == ("factor", "difference", "macro", "worst")
    assert [row[:2] for row in table.rows][:3] == [
        ("init", "base - random"),
        ("init", "teacher - random"),
        ("init", "teacher - base"),
    ]
    assert ("data_fraction", "1 - 0.02") in [row[:2] for row in table.rows]


def test_an_unfinished_sweep_has_no_p_values() -> None:
    record = record_of(*planted(SATURATING, 64, np.random.default_rng(0)), partial=True)
    found = titled(Results(record))
    for title in ("What each factor does", "Which factors work together"):
        (table,) = found[title].tables
        assert not [column for column in table.columns if column.split(",")[0] == "p"]
        assert "(p " not in " ".join(found[title].text)


def test_a_sweep_of_too_few_trials_says_how_its_answer_is_computed() -> None:
    found = titled(Results(record_of(*planted(SATURATING, 8, np.random.default_rng(0)))))
    assert "What each factor does" not in found
    assert found["The response model"].text


def test_the_files_are_the_same_bytes_each_time_and_hold_the_numbers(
    results: Results, tmp_path: Path
) -> None:
    first, second = (write_report(Results(results.record), tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    effects = pd.read_csv(tmp_path / "a" / "sweep_effects.csv")
    assert set(effects["score"]) == {"macro", "worst", "deu", "swh", "yor"}
    assert {path.name for path in first} >= {
        "sweep.svg",
        "sweep_by.png",
        "sweep_pairs.csv",
        "sweep_advantage.csv",
    }
