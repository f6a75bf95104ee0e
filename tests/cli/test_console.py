"""Tables of the command line: a missing value is a dash, and no name is a markup."""

from __future__ import annotations

import errno
import io
import os
import sys

import pytest
from rich.console import Console

from study.cli.console import listing, note, outlasting, print_table, say
from tests.cli.shown import rows


def test_a_number_has_three_decimals_and_a_missing_one_is_a_dash() -> None:
    table = listing(["a", "b", "c"], [["x", 0.12345, 3], ["y", None, None], ["z", float("nan"), 7]])
    assert rows(table) == [["a", "b", "c"], ["x", "0.123", "3"], ["y", "-", "-"], ["z", "-", "7"]]
    assert [column.justify for column in table.columns] == ["left", "right", "right"]


def test_an_empty_table_has_its_head() -> None:
    assert rows(listing(["a", "b"], [])) == [["a", "b"]]


def test_a_cell_is_printed_as_it_is_and_no_name_is_a_markup() -> None:
    assert rows(listing(["what", "is"], [["range", "[low,high]"]])) == [
        ["what", "is"],
        ["range", "[low,high]"],
    ]


@pytest.mark.parametrize(("width", "whole"), [(32, True), (24, True), (20, False)])
def test_gaps_shrink_before_a_word_breaks(
    width: int, whole: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("study.cli.console.out", Console(width=width))
    words = ["complete", "pruned", "failed"]
    print_table(listing(words, [[1, 2, 3]]))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    assert set(words).issubset(shown.split()) == whole


def test_a_name_is_never_broken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("study.cli.console.out", Console(width=30))
    print_table(listing(["name", "what it is"], [["teacher_learning_rate", "a rate of learning " * 3]]), 1)
    assert "teacher_learning_rate" in capsys.readouterr().out


def test_a_line_is_never_broken(capsys: pytest.CaptureFixture[str]) -> None:
    line = "home  [bold] " + "long " * 100 + "/end"
    say(line)
    note(line)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (f"{line}\n", f"{line}\n")


# Output that goes away


@pytest.fixture
def gone() -> io.TextIOWrapper:
    """A pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w", buffering=1)


def test_nothing_is_raised_if_nobody_reads_the_output_any_more(
    gone: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", gone)
    with outlasting():
        note("hello")
        print("hello", file=sys.stderr, flush=True)
        assert sys.stderr.fileno() == gone.fileno()
    gone.write("whoever else writes there meets no error either\n")
    gone.close()


def test_another_error_of_a_stream_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(sys, "stderr", Full())
    with outlasting(), pytest.raises(OSError, match="full"):
        print("hello", file=sys.stderr)


def test_a_stream_that_was_closed_before_the_start_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with outlasting():
        note("hello")
