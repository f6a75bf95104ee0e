"""Tables of the command line: a missing value is a dash, and no name is a markup."""

from __future__ import annotations

import errno
import io
import os
import sys

import pytest
from rich.console import Console

from study.cli.console import (
    listing,
    new_console,
    note,
    open_closed_streams,
    outlasting,
    print_table,
    say,
)
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


@pytest.mark.parametrize(("width", "whole"), [(32, True), (24, True), (20, True), (7, False)])
def test_gaps_shrink_and_parts_are_made_before_a_word_breaks(
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


def test_a_file_gets_no_control_codes_although_colours_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for stderr in (False, True):
        console = new_console(stderr)
        assert not console.is_terminal
        assert console.color_system is None


COUNTS = ("planned", "complete", "pruned", "diverged", "failed", "running", "waiting", "best")
ARMS = ("init=random alpha=0.5", "init=teacher alpha=1.0 data_fraction=0.01 temperature=4.0", "all")


def test_a_status_of_long_arms_breaks_no_word_on_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("study.cli.console.out", Console(width=80))
    print_table(listing(["arm", *COUNTS], [[arm, 100, *range(6), 0.5] for arm in ARMS], "study demo"))
    shown = capsys.readouterr().out
    assert {*COUNTS, *" ".join(ARMS).split()} <= set(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("study demo") == 1


def test_each_part_of_a_table_begins_with_its_first_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("study.cli.console.out", Console(width=20))
    print_table(listing(["name", *COUNTS], [["first", *range(8)], ["second", *range(8)]]))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    heads = [line for line in lines if line[:1] == ["name"]]
    assert [name for head in heads for name in head[1:]] == list(COUNTS)
    assert len([line for line in lines if line[:1] == ["second"]]) == len(heads) > 2


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
    class Odd(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EINVAL, "odd")

    monkeypatch.setattr(sys, "stderr", Odd())
    with outlasting(), pytest.raises(OSError, match="odd"):
        print("hello", file=sys.stderr)


def test_a_log_whose_disk_is_full_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", buffering=1, encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        with outlasting():
            note("hello")
            print("hello", file=sys.stderr, flush=True)


def test_a_stream_that_was_closed_before_the_start_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert not new_console(stderr=True).is_terminal
    open_closed_streams()
    streams = [sys.stdin, sys.stdout, sys.stderr]
    assert streams[0].read() == ""
    with outlasting():
        note("hello")
        say("hello")
    for stream in streams:
        stream.close()
