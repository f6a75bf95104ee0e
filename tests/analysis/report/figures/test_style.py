"""How every figure looks: labels, series, and files of the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from analysis.report.figures.heatmap import heat_map
from analysis.report.figures.lines import lines
from analysis.report.figures.style import inline_svg, label, labels, look, save
from tests.analysis.drawings import accuracies, curves
from tests.analysis.invented import MASSIVE


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
