"""Names in Markdown, read back by a Markdown parser: they are what they were, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analysis.report.markdown import escape, markdown_table
from analysis.report.tables import Table

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
BLOCKS = ("paragraph", "inline", "table", "thead", "tbody", "tr", "th", "td")
LETTERS = st.text("ab01 _*`~[]()<>!#|\\&;-+=.:/\"'{}$^é中\n", max_size=30)


def is_span(child: Any) -> bool:
    """A span is how GitHub takes a dollar for a dollar; any other markup is an error."""
    assert child.type in ("text", "text_special", "softbreak") or child.content in ("<span>", "</span>"), (
        child
    )
    return child.type == "html_inline"


def read(markdown: str) -> list[str]:
    """The texts of a document; any markup in one of them is an error."""
    found = []
    for token in PARSER.parse(markdown):
        assert token.type.removesuffix("_open").removesuffix("_close") in BLOCKS, token
        if token.type == "inline":
            line = "".join(child.content or " " for child in token.children or () if not is_span(child))
            found.append(" ".join(line.split()))
    return found


@given(LETTERS)
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    plain = " ".join(text.split())
    assert read("before " + escape(text) + " after") == [" ".join(f"before {plain} after".split())]


@given(LETTERS)
def test_a_text_that_starts_a_line_is_no_list_rule_or_heading(text: str) -> None:
    plain = " ".join(text.split())
    assert read(escape(text)) == [plain] * bool(plain)
    assert read("before\n" + escape(text)) == [f"before {plain}".rstrip()]


@pytest.mark.parametrize(
    "text", ["1. x", "12) x", "- x", "+ x", "-", "+", "1.", "---", "- - -", "===", "-1.2", "2.5 points"]
)
def test_a_question_that_starts_like_a_list_is_a_paragraph(text: str) -> None:
    assert read(escape(text)) == [text]
    assert read(f"before\n{escape(text)}") == [f"before {text}"]


def test_between_dollars_nothing_is_mathematics() -> None:
    """GitHub takes a dollar in a span for a dollar; a backslash before it does not help there."""
    assert escape("$a$") == "<span>$</span>a<span>$</span>"
    assert read(escape("$a_b$ and $$c$$")) == ["$a_b$ and $$c$$"]


@given(st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=4))
def test_every_cell_of_a_table_is_read_as_it_was_written(rows: list[tuple[str, str]]) -> None:
    table = Table("t", "T", ("arm", "text"), tuple(rows))
    cells = [" ".join(cell.split()) for row in [table.columns, *rows] for cell in row]
    assert read(markdown_table(table)) == cells


def test_an_underscore_within_a_word_stays_as_it_is() -> None:
    assert escape("learning_rate=1 _x_") == "learning_rate=1 \\_x\\_"
