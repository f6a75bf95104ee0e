"""Tuned values as points: logarithms of rates, levels in order, and the middle if a value has no effect."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.record.domain import Domain
from analysis.search.axes import LINEAR, STEP, Axes, Axis

RATE = Axis("learning_rate", Domain(1e-5, 1e-2, log=True))


def test_a_unit_of_a_logarithmic_range_is_a_factor_of_e() -> None:
    places = RATE.at(pd.Series(["1e-05", repr(1e-5 * math.e), 0.01]))[:, 0]
    assert places == pytest.approx([0, 1, math.log(1000)])


def test_a_linear_range_is_as_long_as_three_decades() -> None:
    warmup = Axis("warmup", Domain(0.0, 0.3))
    assert warmup.at(pd.Series(["0", "0.15", "0.3"]))[:, 0] == pytest.approx([0, LINEAR / 2, LINEAR])


def test_numeric_levels_lie_in_order_and_other_levels_equally_far_apart() -> None:
    batch = Axis("batch_size", Domain(levels=(32, 16, 64)))
    assert batch.at(pd.Series(["16", "64"]))[:, 0] == pytest.approx([0, 2 * STEP])
    init = Axis("init", Domain(levels=("random", "base", "teacher"))).at(
        pd.Series(["random", "base", "teacher"])
    )
    distances = np.linalg.norm(init[:, None] - init[None], axis=2)
    assert distances[np.triu_indices(3, 1)] == pytest.approx([STEP] * 3)


def test_a_value_without_effect_lies_in_the_middle() -> None:
    assert RATE.at(pd.Series([None], dtype=object))[0, 0] == pytest.approx(math.log(1000) / 2)


@pytest.mark.parametrize(
    "more", [[], [Axis("warmup", Domain(0.0, 0.3))], [Axis("batch_size", Domain(levels=(16, 32)))]]
)
def test_candidates_span_the_whole_space(more: list[Axis]) -> None:
    axes = Axes([RATE, *more])
    found = axes.candidates()
    assert found.shape[1] == 1 + len(more)
    assert found[:, 0].min() < 0.05
    assert found[:, 0].max() > RATE.length - 0.05
    if more:
        assert found[:, 1].max() > 0.95 * more[0].length
