"""Arms as dots: every arm has its row, every seed its dot, the teacher is a line or a mark in each row."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from analysis.report.figures.dots import dots
from tests.analysis.drawings import texts


def drawn(arms: int, teachers: list[float | None]) -> Figure:
    rng = np.random.default_rng(0)
    means = rng.uniform(0.2, 0.8, arms)
    table = pd.DataFrame(
        {
            "arm": [f"arm {n}" for n in range(arms)],
            "name": [f"init {n % 3} with a name of some length · {n}" for n in range(arms)],
            "line": [f"init={n * 3 // arms}" for n in range(arms)],
            "estimate": means,
            "low": means - 0.02,
            "high": means + 0.02,
            "teacher": pd.Series(teachers, dtype=float),
        }
    )
    table.loc[0, ["low", "high"]] = np.nan  # one seed
    seeds = pd.DataFrame(
        [
            (arm, mean + error)
            for arm, mean in zip(table["arm"], means, strict=True)
            for error in (-0.01, 0.01)
        ],
        columns=["arm", "value"],
    )
    return dots(table, seeds, "init · n", "macro test accuracy, points")


@pytest.mark.parametrize("arms", [2, 6, 36])
def test_every_arm_has_a_row_with_its_numbers_and_every_seed_a_dot(arms: int) -> None:
    figure = drawn(arms, [0.9] * arms)
    (axes,) = figure.axes
    seeds = [each for each in axes.collections if isinstance(each, PathCollection)]
    assert sum(len(np.asarray(each.get_offsets())) for each in seeds) == 2 * arms
    assert len(axes.get_yticks()) == arms
    shown = texts(figure)
    assert len([text for text in shown if "  [" in text]) == arms - 1
    assert "init · n" in shown
    bars = [each for each in axes.collections if isinstance(each, LineCollection)]
    assert sum(len(each.get_segments()) for each in bars) == arms


@pytest.mark.parametrize("arms", [2, 36])
def test_rows_do_not_overlap_and_the_figure_fits_a_page(arms: int) -> None:
    figure = drawn(arms, [0.9] * arms)
    figure.draw_without_rendering()
    assert figure.get_figheight() <= 9.4  # 240 mm, as the style of the page prints it
    boxes = sorted(
        (t.get_window_extent().y0, t.get_window_extent().y1) for t in figure.axes[0].get_yticklabels()
    )
    assert all(one[1] <= other[0] + 0.5 for one, other in itertools.pairwise(boxes))
    for text in figure.axes[0].texts:
        assert text.get_window_extent().x1 <= figure.bbox.x1 + 0.5


def test_one_teacher_is_a_line_over_all_arms() -> None:
    (axes,) = drawn(3, [0.9, 0.9, 0.9]).axes
    (line,) = [line for line in axes.lines if line.get_label() == "the teacher itself"]
    assert list(np.asarray(line.get_xdata())) == [0.9, 0.9]
    assert list(np.asarray(line.get_ydata())) == [0, 1]  # of the height


def test_several_teachers_are_a_mark_in_the_rows_of_their_arms() -> None:
    (axes,) = drawn(3, [0.9, None, 0.7]).axes
    (marks,) = [line for line in axes.lines if line.get_label() == "the teacher itself"]
    assert list(np.asarray(marks.get_xdata())) == [0.9, 0.7]
    assert list(np.asarray(marks.get_ydata())) == [0, 2]


def test_without_a_known_teacher_there_is_none() -> None:
    figure = drawn(2, [None, None])
    assert "the teacher itself" not in texts(figure)
