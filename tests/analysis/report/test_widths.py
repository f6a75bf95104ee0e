"""Widths of tables in LaTeX, from the metrics of its font: every table of a report fits into 16 cm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.sections.order import sections
from analysis.report.widths import (
    LONGEST,
    SEPARATION,
    TEXT_WIDTH,
    Column,
    fitted,
    pieces,
    text_width,
    wrapped,
)
from analysis.verdict.results import Results
from tests.analysis.invented import MASSIVE, invented_study


def test_widths_are_those_of_computer_modern() -> None:
    """TeX: a digit of cmr10 is 5.00002 points wide, m 8.33336, the minus of a number 7.7778."""
    assert text_width("0") == pytest.approx(5.0, abs=0.01)
    assert text_width("mm") == pytest.approx(16.67, abs=0.02)
    assert text_width("-1") == pytest.approx(12.8, abs=0.05)
    assert text_width("de-DE") < text_width("de") + text_width("DE") + 4  # a hyphen
    assert text_width("\u4e2d") >= 10  # unknown letters count as wide
    assert text_width("_") >= 5


@given(st.text("ab =_", max_size=80))
def test_a_text_in_pieces_is_whole_and_no_piece_is_long(text: str) -> None:
    assert "".join(pieces(text)) == text.replace(" ", "")
    assert all(len(piece) <= LONGEST for piece in pieces(text))


@given(st.lists(st.text("ab", min_size=1, max_size=9), min_size=1, max_size=9))
def test_a_head_in_lines_is_whole_and_no_line_is_wider_than_allowed(words: list[str]) -> None:
    lines = wrapped(" ".join(words), 40)
    assert " ".join(lines) == " ".join(words)
    assert all(text_width(line) <= 40 for line in lines if " " in line)


WIDTHS = st.lists(
    st.tuples(st.floats(5, 900), st.floats(0.1, 1)).map(lambda w: Column(w[0], min(200, w[0] * w[1]))),
    min_size=1,
    max_size=25,
)


@given(WIDTHS)
def test_every_block_fits_and_begins_with_the_names_of_the_rows(columns: list[Column]) -> None:
    blocks = fitted(columns)
    assert sorted(number for block, _ in blocks for number in block[1:]) == list(range(1, len(columns)))
    for block, widths in blocks:
        assert block[0] == 0
        assert sum(widths) + 2 * SEPARATION * (len(widths) - 1) <= TEXT_WIDTH + 1e-6
        for number, width in zip(block, widths, strict=True):
            assert columns[number].narrowest - 1e-6 <= width <= columns[number].natural + 1e-6


def test_columns_that_fit_keep_their_width_and_text_gives_way_before_numbers() -> None:
    number, text = Column(100, 100), Column(900, 80)
    assert fitted([text, number]) == [([0, 1], [pytest.approx(TEXT_WIDTH - 110), 100])]
    assert fitted([Column(90, 80), number]) == [([0, 1], [90, 100])]


SPACES: dict[str, dict[str, Any]] = {
    "claim": {"init": ("random", "base", "teacher"), "alpha": (0.2, 1.0)},
    "data": {"init": ("random", "teacher"), "data_fraction": (0.01, 1.0), "teacher_data": ("full", "same")},
    "depth": {"depth": (1, 2, 3, 6)},
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_every_table_of_a_report_fits(space: dict[str, Any]) -> None:
    study = invented_study(space, seeds=3, search=3, languages=MASSIVE[:5])
    tables = [table for section in sections(Results(study)) for table in section.tables]
    assert len(tables) > 6
    for table in tables:
        columns = [
            Column.of(name, [row[i] for row in table.rows], table.numeric[i])
            for i, name in enumerate(table.columns)
        ]
        for _, widths in fitted(columns):
            assert sum(widths) + 2 * SEPARATION * (len(widths) - 1) <= TEXT_WIDTH + 1e-6, table.name
