"""Tables in LaTeX: every name is set letter by letter, every row has its cells."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.latex import LONG, SPECIAL, escape, latex_table
from analysis.tables import Table

COMMANDS = {command: letter for letter, command in SPECIAL.items()} | {r"\allowbreak{}": ""}


def read(escaped: str) -> str:
    """What LaTeX would set: commands replaced by their letters; a special letter by itself is an error."""
    token = re.compile(
        "|".join(re.escape(c) for c in sorted(COMMANDS, key=len, reverse=True)) + r"|[^\\{}$&#%_^~<>|\"]"
    )
    found = token.findall(escaped)
    assert "".join(found) == escaped
    return "".join(COMMANDS.get(each, each) for each in found)


@given(st.text())
def test_every_text_is_set_as_it_is(text: str) -> None:
    assert read(escape(text)) == "".join(c if c.isprintable() else " " for c in text)


def table(*rows: tuple[str, ...], columns: tuple[str, ...] = ("arm", "accuracy"), note: str = "") -> Table:
    return Table("arms", "Arms", columns, rows, note)


def test_a_table_is_a_booktabs_tabular() -> None:
    assert latex_table(table(("a_b", "12.34"), ("50% & <x>", "-"))).splitlines() == [
        "% Arms",
        r"% \usepackage{array,booktabs}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"arm & accuracy \\",
        r"\midrule",
        r"a\_\allowbreak{}b & 12.34 \\",
        r"50\% \& \textless{}x\textgreater{} & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_minus_is_a_minus_and_a_hyphen_a_hyphen() -> None:
    text = latex_table(table(("de-DE", "-1.20 [-3.00, 0.60]")))
    assert r"de-DE & $-$1.20 [$-$3.00, 0.60] \\" in text


@pytest.mark.parametrize("name", ["[a]", "*", "[", "*[x]"])
def test_a_row_that_begins_like_an_argument_is_none(name: str) -> None:
    rows = latex_table(table(("x", "1"), (name, "2"))).splitlines()
    assert "{}" + name + r" & 2 \\" in rows


@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=8)), min_size=1, max_size=4), st.text())
def test_every_row_has_its_cells_and_no_comment_runs_on(rows: list[tuple[str, str]], note: str) -> None:
    text = latex_table(table(*rows, note=note))
    body = text[text.index("\\midrule\n") + 9 : text.index("\\bottomrule")].split("\n")[:-1]
    assert len(body) == len(rows)
    assert all(len(re.findall(r"(?<!\\)&", line)) == 1 and line.endswith(r" \\") for line in body)
    head = text[: text.index("\\begin")].splitlines()
    assert all(line.startswith("% ") for line in head)


def test_a_long_table_breaks_across_pages_and_long_names_across_lines() -> None:
    text = latex_table(table(*[("x" * 50, "1.0")] * (LONG + 1)))
    assert r"\begin{longtable}{>{\raggedright\arraybackslash}p{0.35\textwidth}r}" in text
    assert r"\endhead" in text
    assert "longtable" not in latex_table(table(*[("x", "1.0")] * LONG))
