"""Means that figures draw, and in which line and panel an arm stands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.report.figures.panels import levels_text, over_seeds, placed, short_names


def test_a_band_is_the_t_interval_over_seeds() -> None:
    values = np.array([0.5, 0.55, 0.61])
    table = pd.DataFrame({"arm": ["a"] * 3 + ["b"], "value": [*values, 0.7]})
    found = over_seeds(table, ["arm"]).set_index("arm")
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert found.loc["a", ["mean", "low", "high", "seeds"]].tolist() == pytest.approx(
        [values.mean(), low, high, 3]
    )
    assert found.loc["b", "mean"] == 0.7
    assert found.loc["b", ["low", "high"]].isna().all()


def test_lines_are_told_apart_by_init_and_panels_by_the_rest() -> None:
    cells = pd.DataFrame(
        {"alpha": [0.2, 1.0], "init": ["random", "teacher"], "temperature": [2.0, None]},
        index=pd.Index(["one", "other"], name="arm"),
    )
    factors = {"alpha": (0.2, 1.0), "init": ("random", "teacher"), "temperature": (2.0, 4.0)}
    assert placed(cells, factors).to_numpy().tolist() == [
        ["init=random", "alpha=0.2 temperature=2"],
        ["init=teacher", "alpha=1"],  # the temperature has no effect there
    ]
    assert short_names(cells) == ["0.2 · random · 2", "1 · teacher"]
    assert placed(cells[[]], {})["line"].tolist() == short_names(cells[[]]) == ["one", "other"]
    assert levels_text(["init"], {"alpha": 1.0}) == ""
