"""A trial's journal has each report once, as it was first made; a line that was cut short is dropped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from study.planning.versions import code_commit
from study.tracking.journal import Journal, find_unsent, unsent_mark
from study.trial.progress import Progress

MakeReport = Callable[..., Progress]


def test_a_report_is_written_once_as_it_was_first_made(tmp_path: Path, make_report: MakeReport) -> None:
    journal = Journal(tmp_path / "trial")
    first = journal.add(make_report(1, 0.5))
    assert first == make_report(1, 0.5)
    assert journal.add(make_report(1, 0.9)) == first
    assert journal.add(replace(make_report(1, 0.5), time_ms=7)) == first
    assert journal.add(make_report(2, 0.6)) == make_report(2, 0.6)
    assert Journal(tmp_path / "trial").add(make_report(1, 0.9)) == first
    assert len((tmp_path / "trial" / "progress.jsonl").read_text("utf-8").splitlines()) == 2


def test_read_again_it_is_equal(tmp_path: Path, make_report: MakeReport) -> None:
    journal = Journal(tmp_path)
    journal.add(make_report(1, 1 / 3, languages=("yor", "x\u2028y", "ẹ\r\n")))
    journal.add(make_report(2, 0.1 + 0.2))
    journal.add(make_report(3, None, outcome="diverged"))
    assert Journal(tmp_path).reports == journal.reports


@pytest.mark.parametrize("lost", [1, 2, 40])
def test_a_line_cut_short_is_dropped_and_written_anew(
    tmp_path: Path, make_report: MakeReport, lost: int
) -> None:
    journal = Journal(tmp_path)
    whole = journal.add(make_report(1, 0.5))
    journal.add(make_report(2, 0.6))
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-lost])
    again = Journal(tmp_path)
    assert again.reports == [whole]
    assert again.add(make_report(2, 0.6)) == make_report(2, 0.6)
    lines = journal.path.read_text("utf-8").splitlines()
    on_disk = [json.loads(line) | {"crc32": 0} for line in lines]
    assert on_disk == [asdict(report) | {"crc32": 0} for report in again.reports]


def test_cut_inside_a_letter_it_is_dropped_too(tmp_path: Path, make_report: MakeReport) -> None:
    journal = Journal(tmp_path)
    journal.path.write_bytes('{"report": 1, "language": "ẹ'.encode()[:-1])
    assert Journal(tmp_path).reports == []
    assert journal.path.read_bytes() == b""


def test_a_trial_without_a_report_has_no_file(tmp_path: Path) -> None:
    assert Journal(tmp_path / "trial").reports == []
    assert not (tmp_path / "trial").exists()


def test_a_spoilt_line_counts_as_not_written_and_the_others_as_written(
    tmp_path: Path, make_report: MakeReport
) -> None:
    journal = Journal(tmp_path)
    lines = [journal.add(make_report(number, number / 10)) for number in (1, 2, 3)]
    first, second, third = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(first + b"\0" * (len(second) - 1) + b"\n" + third)
    again = Journal(tmp_path)
    assert again.reports == [lines[0], lines[2]]
    assert again.add(make_report(1, 0.9)) == lines[0]
    assert again.add(make_report(3, 0.9)) == lines[2]
    assert again.add(make_report(2, 0.2)) == make_report(2, 0.2)
    assert sorted(report.report for report in Journal(tmp_path).reports) == [1, 2, 3]


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_whatever_bit_is_flipped_every_report_can_be_written_and_read(
    tmp_path: Path, make_report: MakeReport, flip: int
) -> None:
    """Each byte in turn. The trial sends its reports again, and the driver writes them again."""
    reports = [make_report(number, number / 10, languages=("yor",)) for number in (1, 2)]
    for report in reports:
        Journal(tmp_path).add(report)
    path = tmp_path / "progress.jsonl"
    content = path.read_bytes()
    for place in range(len(content)):
        spoilt = bytearray(content)
        spoilt[place] ^= flip
        path.write_bytes(spoilt)
        journal = Journal(tmp_path)
        for report in reports:
            assert journal.add(report).report == report.report
        assert {1, 2} <= {report.report for report in Journal(tmp_path).reports}


def test_what_is_marked_unsent_is_found(tmp_path: Path) -> None:
    assert find_unsent(tmp_path / "absent") == []
    for name in ("b", "a", "c"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        unsent_mark(tmp_path / name).touch()
    assert find_unsent(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    unsent_mark(tmp_path / "a").unlink()
    assert find_unsent(tmp_path) == [tmp_path / "b"]


SEEN = {"machine": {"host": "node7"}, "usage": {"process_cpu_percentage": 98.5}}


def test_what_was_seen_of_the_machine_is_kept_with_the_commit_for_the_report_as_first_made(
    tmp_path: Path, make_report: MakeReport
) -> None:
    Journal(tmp_path).add(make_report(1, 0.5), SEEN)
    Journal(tmp_path).add(make_report(1, 0.5), {"machine": {"host": "node8"}})
    Journal(tmp_path).add(make_report(2, 0.6))
    commit = code_commit()
    assert Journal(tmp_path).seen == {1: {**SEEN, "commit": None if commit is None else list(commit)}}


def test_without_it_the_reports_are_there_all_the_same(tmp_path: Path, make_report: MakeReport) -> None:
    journal = Journal(tmp_path)
    for number in (1, 2):
        journal.add(make_report(number, 0.5), SEEN)
    content = journal.machine_path.read_bytes()
    journal.machine_path.write_bytes(content.replace(b"98.5", b"98.6", 1)[:-3])  # one spoilt, one cut short
    again = Journal(tmp_path)
    assert again.seen == {}
    assert [report.report for report in again.reports] == [1, 2]
    again.add(make_report(3, 0.6), SEEN)
    journal.machine_path.write_bytes(journal.machine_path.read_bytes() + b"[]\n")
    assert list(Journal(tmp_path).seen) == [3]
