"""An export: which trial it takes. What it writes is tested from outside, on a study that was run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.cli.export import export_student, moved, place_for, scratch_beside
from study.cli.picked import pick
from study.errors import RequestError
from study.ledger.records import Record
from study.ledger.study import OpenStudy


@pytest.fixture(scope="module")
def study(finished_study: Any) -> OpenStudy:
    return OpenStudy.at(finished_study.home, finished_study.name)


@pytest.fixture(scope="module")
def records(study: OpenStudy) -> list[Record]:
    return study.ledger.records()


def test_the_best_search_trial_is_taken_if_none_is_named(records: list[Record]) -> None:
    best = pick(records, None)
    assert best.phase == "search"
    assert best.value == max(r.value for r in records if r.phase == "search" and r.value is not None)


def test_a_trial_is_named_by_the_beginning_of_its_key(records: list[Record]) -> None:
    assert pick(records, records[-1].key[:12]) == records[-1]


def test_a_beginning_of_several_keys_or_of_none_is_refused(records: list[Record]) -> None:
    with pytest.raises(RequestError, match=f"^--trial : {len(records)} trials of the study have keys"):
        pick(records, "")
    with pytest.raises(RequestError, match=r"^--trial zz: 0 trials of the study have keys that begin so"):
        pick(records, "zz")


def test_before_a_trial_is_complete_there_is_nothing_to_export() -> None:
    with pytest.raises(RequestError, match=r"^no trial of the study is complete yet$"):
        pick([], None)


def test_a_folder_with_something_in_it_is_never_overwritten(
    study: OpenStudy, records: list[Record], tmp_path: Any
) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(RequestError, match="exists; name a new or an empty folder"):
        export_student(study, records[0], tmp_path)
    assert (tmp_path / "mine").read_text() == "mine"


def test_the_place_of_an_export_may_be_a_link_and_is_refused_if_it_cannot_be(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "broken").symlink_to(tmp_path / "later")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert place_for(tmp_path / "broken") == tmp_path / "later"
    with scratch_beside(place_for(tmp_path / "broken")) as scratch:
        assert Path(scratch).parent == tmp_path
    for out in (tmp_path / "circle", tmp_path / ("x" * 300), tmp_path / "file" / "out", Path("/proc/x/out")):
        with pytest.raises(RequestError, match=r"^--out .*: cannot be made: ") as refused:
            scratch_beside(place_for(out))
        assert "\n" not in str(refused.value)


def test_of_two_exports_into_one_folder_the_second_is_refused_and_the_first_stays(tmp_path: Any) -> None:
    out = tmp_path / "student"
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model").write_text(name)
    out.mkdir()
    moved(tmp_path / "first", out)
    with pytest.raises(RequestError, match=r"was made meanwhile; name a new or an empty folder$"):
        moved(tmp_path / "second", out)
    assert (out / "model").read_text() == "first"
