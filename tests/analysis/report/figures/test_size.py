"""Accuracy against size: the Pareto front."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.figures.size import pareto_front, sizes
from tests.analysis.drawings import texts

points = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=12)


@given(points)
def test_the_front_is_what_no_other_point_beats(found: list[tuple[int, int]]) -> None:
    size, accuracy = (np.array(values, dtype=float) for values in zip(*found, strict=True))
    beaten = [
        any(s <= x and a >= y and (s, a) != (x, y) for s, a in found)  # one by one
        for x, y in found
    ]
    assert pareto_front(size, accuracy).tolist() == [not each for each in beaten]


def test_arms_on_the_front_are_named() -> None:
    table = pd.DataFrame(
        {
            "name": ["small", "beaten", "large"],
            "line": "init=random",
            "parameters": [1e6, 2e6, 3e6],
            "mean": [0.5, 0.4, 0.6],
            "low": 0.3,
            "high": 0.7,
        }
    )
    seeds = pd.DataFrame({"line": "init=random", "parameters": [1e6, 1e6, 3e6], "value": [0.4, 0.6, 0.6]})
    figure = sizes(table, seeds)
    shown = set(texts(figure))
    assert len(np.asarray(figure.axes[0].collections[-1].get_offsets())) == 3
    assert {"small", "large", "Pareto front"} <= shown
    assert "beaten" not in shown
