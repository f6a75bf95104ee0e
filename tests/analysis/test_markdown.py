"""Names in Markdown, read back by a Markdown parser: they are what they were, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analysis.markdown import escape, markdown_table
from analysis.tables import Table

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
LETTERS = st.text("ab01 _*`~[]()<>!#|\\&;-+=.:/\"'{}$^é中\n", max_size=30)


def read(markdown: str) -> list[str]:
    """The texts of a document; any markup in one of them is an error."""
    found = []
    for token in PARSER.parse(markdown):
        assert token.type not in ("html_block", "fence", "code_block"), token
        if token.type == "inline":
            assert all(child.type in ("text", "text_special") for child in token.children or ()), (
                token.children
            )
            found.append(" ".join("".join(child.content for child in token.children or ()).split()))
    return found


@given(LETTERS)
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    plain = " ".join(text.split())
    assert read("before " + escape(text) + " after") == [" ".join(f"before {plain} after".split())]


@given(st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=4))
def test_every_cell_of_a_table_is_read_as_it_was_written(rows: list[tuple[str, str]]) -> None:
    table = Table("t", "T", ("arm", "text"), tuple(rows))
    cells = [" ".join(cell.split()) for row in [table.columns, *rows] for cell in row]
    assert read(markdown_table(table)) == cells


def test_an_underscore_within_a_word_stays_as_it_is() -> None:
    assert escape("learning_rate=1 _x_") == "learning_rate=1 \\_x\\_"
