"""Figures: what is drawn is what the table holds, what is missing is seen, and files are the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image
from scipy import stats

from analysis.report.figures.forest import forest
from analysis.report.figures.heatmap import heat_map
from analysis.report.figures.lines import MOST_PANELS, lines
from analysis.report.figures.panels import levels_text, marginal_means, over_seeds, placed, short_names
from analysis.report.figures.size import pareto_front, sizes
from analysis.report.figures.style import inline_svg, label, labels, look, save
from analysis.report.figures.surface import surface
from tests.analysis.invented import MASSIVE
from tests.analysis.tables import confirmed_table


def accuracies(languages: tuple[str, ...], arms: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    index = [*languages, "macro", "worst"]
    return pd.DataFrame(rng.uniform(0.2, 0.9, (len(index), arms)), index, [f"arm {n}" for n in range(arms)])


def curves(panels: int = 1, seeds: int = 4) -> pd.DataFrame:
    rows = [
        {"panel": f"alpha={panel}", "line": line, "x": x, "mean": 0.5 + x / 10, "low": 0.4, "high": 0.9}
        for panel in range(panels)
        for line in ("init=random", "init=teacher")
        for x in (0.01, 0.1, 1.0)
    ]
    return pd.DataFrame(rows)


def texts(figure: Figure) -> list[str]:
    return [
        t.get_text() for t in figure.findobj(Text) if isinstance(t, Text) and t.get_text() and t.get_visible()
    ]


# What is drawn


def test_means_that_are_drawn_are_over_the_languages_that_all_arms_share() -> None:
    """The copy alone was tested on an easy language: that lifts its recorded macro, and no point."""
    factors = {"init": ("random", "teacher"), "depth": (2, 4)}
    results = confirmed_table(factors, lambda levels, seed: 0.5, seeds=3)
    copies = results[(results["init"] == "teacher") & (results["language"] == "macro")]
    easy = copies.assign(language="eng", value=1.0)
    results.loc[copies.index, "value"] = 0.75
    means = marginal_means(pd.concat([results, easy]), factors, ["init", "depth"])
    assert means["mean"].tolist() == pytest.approx([0.5] * 4)


def test_a_cell_without_data_is_hatched() -> None:
    table = accuracies(("deu", "yor"), 3)
    table.iloc[0, 1] = table.iloc[2, 2] = np.nan
    axes = heat_map(table, ["a", "b", "c"], "arm", "accuracy").axes[0]
    hatched = {patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_hatch()}
    assert hatched == {(1, 0), (2, 2)}


def test_numbers_in_cells_are_those_of_the_table() -> None:
    """Each digit is a mark: read them back from left to right in every cell."""
    table = accuracies(("deu", "yor"), 2)
    table.iloc[1, 1] = np.nan
    axes = heat_map(table, ["a", "b"], "arm", "accuracy").axes[0]
    marks = [c for c in axes.collections if isinstance(c, PathCollection)]
    count = sum(len(np.asarray(mark.get_offsets())) for mark in marks)
    assert count == 4 * table.notna().to_numpy().sum()  # "12.3" in each
    middles = {tuple(offset) for mark in marks for offset in np.asarray(mark.get_offsets()).tolist()}
    assert middles == {(j + 0.5, i + 0.5) for i in range(4) for j in range(2) if (i, j) != (1, 1)}


def test_languages_stand_by_script_and_macro_and_worst_last() -> None:
    figure = heat_map(accuracies(("rus", "deu", "kat", "eng"), 2), ["a", "b"], "arm", "accuracy")
    shown = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert shown == ["deu", "eng", "rus", "kat", "macro", "worst"]
    assert {"Latin", "Cyrillic", "Georgian"} <= set(texts(figure))


def test_a_forest_marks_what_is_significant_and_draws_no_interval_that_is_not_known() -> None:
    rows = pd.DataFrame(
        {
            "label": ["a", "b", "c"],
            "series": "these languages",
            "estimate": [0.03, -0.01, 0.02],
            "low": [0.01, -0.03, np.nan],
            "high": [0.05, 0.01, np.nan],
            "marked": [True, False, False],
        }
    )
    figure = forest(rows, "difference")
    axes = figure.axes[0]
    bars = [c for c in axes.collections if isinstance(c, LineCollection)]
    segments = [np.asarray(segment) for bar in bars for segment in bar.get_segments()]
    ends = [segment[:, 0].tolist() for segment in segments if segment.shape == (2, 2)]
    assert [pytest.approx(end) for end in ends] == [[1, 5], [-3, 1]]
    filled, hollow = (c for c in axes.collections if isinstance(c, PathCollection))
    assert (len(filled.get_offsets()), len(hollow.get_offsets())) == (1, 2)
    assert np.allclose(np.asarray(hollow.get_facecolor())[0], 1)  # white
    assert {"+3.0  [+1.0, +5.0]", "+2.0"} <= set(texts(figure))


def test_curves_have_a_panel_each_up_to_a_limit() -> None:
    figure = lines(curves(MOST_PANELS + 3), "data", "accuracy", "share")
    visible = [axes for axes in figure.axes if axes.get_visible()]
    assert len(visible) == MOST_PANELS
    assert all(len(axes.lines) == 2 for axes in visible)
    assert [tick.get_text() for tick in figure.axes[-4].get_xticklabels()] == ["1%", "10%", "100%"]


@pytest.mark.parametrize("panels", [1, 3])
def test_a_legend_stays_within_the_figure(panels: int) -> None:
    """That of one panel is narrower than the page."""
    names = [f"{seeds} confirm seeds ({seeds} replays)" for seeds in (3, 4, 5)]
    rows = [(f"panel {p}", name, x, 0.5) for p in range(panels) for name in names for x in (1, 2)]
    table = pd.DataFrame(rows, columns=["panel", "line", "x", "mean"]).assign(low=0.4, high=0.6)
    figure = lines(table, "x", "y")
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_a_line_skips_what_is_missing() -> None:
    table = curves()
    table.loc[1, "mean"] = np.nan
    first = lines(table, "data", "accuracy").axes[0].lines[0]
    assert np.asarray(first.get_xdata()).tolist() == [0.01, 1.0]


def test_where_the_column_has_no_effect_a_cell_is_as_wide_as_the_panel() -> None:
    rows = [("", 0.5, 1.0, 0.6), ("", 0.5, 4.0, 0.7), ("", 1.0, np.nan, 0.5)]
    axes = surface(
        pd.DataFrame(rows, columns=["panel", "row", "column", "mean"]), "alpha", "T", "accuracy"
    ).axes[0]
    cells = [p for p in axes.patches if isinstance(p, Rectangle) and not p.get_hatch()]
    assert [(*cell.get_xy(), cell.get_width()) for cell in cells] == [(0, 0, 1), (1, 0, 1), (0, 1, 2)]


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
    shown = set(texts(sizes(table, "")))
    assert {"small", "large", "Pareto front"} <= shown
    assert "beaten" not in shown


# Means and places


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


# Looks and files


def test_forty_series_never_look_the_same() -> None:
    looks = [tuple(map(str, look(index).values())) for index in range(40)]
    assert len(set(looks)) == 40
    pairs = {(marker, dashes) for _, marker, dashes in looks}
    assert len(pairs) == 40  # without colour too


@given(st.lists(st.text(max_size=120), min_size=1, max_size=6))
@settings(deadline=None)
def test_a_label_fits_and_stays_its_own(names: list[str]) -> None:
    shown = labels(names, 20, 2)
    assert len(set(shown)) == len(shown)
    for name in names:
        wrapped = label(name, 20, 2).split("\n")
        assert 1 <= len(wrapped) <= 2
        assert all(0 < len(line) <= 20 for line in wrapped)


def test_a_letter_that_the_font_lacks_is_its_number() -> None:
    assert label("中文 de") == "<4E2D><6587> de"
    assert label("ქართული ελληνικά русский عربي") == "ქართული ελληνικά русский\nعربي"


def test_dollars_are_no_mathematics(tmp_path: Path) -> None:
    save(heat_map(accuracies(("deu",), 1), ["$\\frac{$"], "$x_$", "%"), tmp_path, "figure")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: heat_map(accuracies(MASSIVE[:6], 5), [f"arm {n}" * 20 for n in range(5)], "arm", "accuracy"),
        lambda: lines(curves(3), "data", "accuracy", "log"),
    ],
)
def test_a_figure_is_the_same_bytes_each_time(draw: Callable[[], Figure], tmp_path: Path) -> None:
    one, other = (save(draw(), tmp_path / name, "figure") for name in ("one", "other"))
    for path, again in zip(one, other, strict=True):
        assert path.read_bytes() == again.read_bytes()
    svg, png = one
    assert "date" not in svg.read_text("utf-8")
    with Image.open(png) as image:
        assert set(image.info) == {"dpi"}


def test_a_figure_in_a_page_keeps_its_identifiers_to_itself(tmp_path: Path) -> None:
    svg = save(lines(curves(), "data", "accuracy"), tmp_path, "figure")[0].read_text("utf-8")
    element = inline_svg(svg, "mine", 'says "<b>"')
    assert element.startswith("<svg ")
    assert 'aria-label="says &#34;&lt;b&gt;&#34;"' in element
    assert "<!--" not in element
    assert "xmlns" not in element
    assert re.findall(r'\sid="(?!mine-)', element) == []
    named = set(re.findall(r'\sid="([^"]+)"', element))
    used = set(re.findall(r'href="#([^"]+)"', element)) | set(re.findall(r"url\(#([^)]+)\)", element))
    assert used
    assert used <= named
