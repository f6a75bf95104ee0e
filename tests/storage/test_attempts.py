"""Attempts at one trial: each writes into a folder of its own, and reads those of the ones before it."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest

from study.storage.attempts import (
    PREDICTIONS,
    TEXTS,
    attempt_folder,
    attempt_folders,
    bring_attempts,
    file_of_ending,
    read_ending,
    send_attempt,
    student_folder,
    tidy_trial,
    write_ending,
)
from study.storage.mirror import Mirror
from study.trial.result import read_result
from tests.reports import told


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def end(folder: Path, attempt: int, text: str = "", student: bool = True) -> Path:
    """An attempt that came to its end, as its files stand there."""
    own = attempt_folder(folder, attempt)
    own.mkdir(parents=True)
    if text:
        (own / "result.json").write_text(text)
    else:
        write_ending(own, [], {"by": attempt})
    (own / "checkpoint-00000009.pt").touch()
    if student:
        (own / "student").mkdir()
        (own / "student" / "model.safetensors").touch()
    return own


def left(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def undisturbed(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return told(workshop.trial(workshop.config(), tmp_path_factory.mktemp("undisturbed")))


# Between two


def test_the_newest_comes_first_by_its_number(tmp_path: Path) -> None:
    for attempt in (1, 2, 9, 10, 11):
        attempt_folder(tmp_path, attempt).mkdir()
    assert attempt_folders(tmp_path) == [attempt_folder(tmp_path, n) for n in (11, 10, 9, 2, 1)]
    assert attempt_folders(tmp_path / "absent") == []


def test_one_that_was_given_up_runs_on_beside_its_successor_and_neither_touches_the_other(
    workshop: Any, undisturbed: Any, tmp_path: Path
) -> None:
    """The driver lost the node of the attempt, but the node still runs."""
    config = workshop.config()
    old = workshop.trial(config, tmp_path)
    reports = {1: list(itertools.islice(old, 2)), 2: []}
    first, second = attempt_folder(tmp_path, 1), attempt_folder(tmp_path, 2)
    new = workshop.trial(config, tmp_path)
    before = content(first)
    reports[2] += itertools.islice(new, 3)
    assert content(first) == before
    before = content(second)
    assert before
    reports[1] += old
    assert content(second) == before
    before = content(first)
    reports[2] += new
    assert content(first) == before
    assert told(reports[1]) == told(reports[2]) == undisturbed
    weights = "student/model.safetensors"
    assert content(first)[weights] == content(second)[weights]
    assert student_folder(tmp_path) == second / "student"


def test_a_newer_one_goes_on_from_the_newest_checkpoint_of_all_before_it(
    workshop: Any, undisturbed: Any, tmp_path: Path
) -> None:
    config = workshop.config()
    for reports in (3, 2, 1):  # the later ones report again, and write nothing
        trial = workshop.trial(config, tmp_path)
        taken = list(itertools.islice(trial, reports))
        trial.close()
        assert len(taken) == reports
        assert not list(attempt_folder(tmp_path, 2).glob("*.pt"))
    assert told(workshop.trial(config, tmp_path)) == undisturbed


def test_the_record_of_an_older_one_ends_the_trial_for_all(
    workshop: Any, undisturbed: Any, tmp_path: Path
) -> None:
    config = workshop.config()
    old = workshop.trial(config, tmp_path)
    before = list(itertools.islice(old, 2))
    new = workshop.trial(config, tmp_path)
    next(new)
    new.close()
    assert told([*before, *old]) == undisturbed
    assert told(workshop.trial(config, tmp_path)) == undisturbed
    assert read_result(tmp_path, config) is not None
    assert not attempt_folder(tmp_path, 3).exists()


# Spoilt by a disk


@pytest.mark.parametrize("spoilt", ["a flipped bit", "cut short", "missing"])
@pytest.mark.parametrize("where", ["the newest checkpoint", "all of the newest attempt's"])
def test_from_a_broken_checkpoint_it_falls_back_and_ends_the_same(
    workshop: Any, undisturbed: Any, spoilt: str, where: str, tmp_path: Path
) -> None:
    for reports in (2, 3):
        trial = workshop.trial(workshop.config(), tmp_path)
        assert len(list(itertools.islice(trial, reports))) == reports
        trial.close()
    checkpoints = sorted(attempt_folder(tmp_path, 2).glob("*.pt"), reverse=True)
    assert [path.name for path in checkpoints] == ["checkpoint-00000009.pt"]
    if where != "the newest checkpoint":
        checkpoints += [attempt_folder(tmp_path, 1) / "checkpoint-00000006.pt"]
    for path in checkpoints:
        stored = bytearray(path.read_bytes())
        stored[len(stored) // 3] ^= 16
        path.write_bytes(stored if spoilt == "a flipped bit" else stored[: len(stored) // 3])
        if spoilt == "missing":
            path.unlink()
    assert told(workshop.trial(workshop.config(), tmp_path)) == undisturbed


def test_a_result_cut_short_anywhere_is_none_and_the_trial_ends_the_same(
    workshop: Any, undisturbed: Any, tmp_path: Path
) -> None:
    config = workshop.config()
    list(workshop.trial(config, tmp_path))
    path = attempt_folder(tmp_path, 1) / "result.json"
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        assert read_result(tmp_path, config) is None
        assert student_folder(tmp_path) is None
    assert told(workshop.trial(config, tmp_path)) == undisturbed  # from the last checkpoint
    assert student_folder(tmp_path) == attempt_folder(tmp_path, 2) / "student"


def test_a_broken_record_hides_no_older_one(tmp_path: Path) -> None:
    old = end(tmp_path, 1)
    for attempt, text in ((2, '{"history": ['), (3, "\0\0"), (4, "\0" * 400)):
        end(tmp_path, attempt, text)
    (end(tmp_path, 5) / "result.json").write_bytes('{"ẹ'.encode()[:-1])
    assert read_ending(tmp_path) == {"history": [], "result": {"by": 1}}
    assert student_folder(tmp_path) == old / "student"


def test_of_two_that_ended_the_newer_is_read(tmp_path: Path) -> None:
    end(tmp_path, 1)
    end(tmp_path, 2, student=False)
    assert read_ending(tmp_path) == {"history": [], "result": {"by": 2}}


# Tidied


@pytest.mark.parametrize("keep", [True, False])
def test_of_a_trial_that_ended_its_record_stays_and_its_weights_where_they_are_kept(
    tmp_path: Path, keep: bool
) -> None:
    for attempt in (1, 2, 3):
        end(tmp_path, attempt)
    (attempt_folder(tmp_path, 3) / "result.json").unlink()  # it was still on its way
    (tmp_path / "progress.jsonl").touch()
    tidy_trial(tmp_path, keep_student=keep)
    weights = ["attempt-2/student/model.safetensors"] if keep else []
    assert left(tmp_path) == ["attempt-2/result.json", *weights, "progress.jsonl"]
    tidy_trial(tmp_path, keep_student=keep)
    assert left(tmp_path) == ["attempt-2/result.json", *weights, "progress.jsonl"]
    assert (student_folder(tmp_path) is not None) is keep


def test_of_a_trial_that_was_stopped_nothing_of_its_attempts_stays(tmp_path: Path) -> None:
    """A pruned trial writes no ending."""
    for attempt in (1, 2):
        end(tmp_path, attempt)
        (attempt_folder(tmp_path, attempt) / "result.json").unlink()
    (tmp_path / "progress.jsonl").touch()
    tidy_trial(tmp_path, keep_student=False)
    tidy_trial(tmp_path / "absent", keep_student=False)
    assert left(tmp_path) == ["progress.jsonl"]
    assert read_ending(tmp_path) is None


# Files beside an ending


def test_the_file_beside_the_newest_ending_counts(tmp_path: Path) -> None:
    for attempt in (1, 2):
        (end(tmp_path, attempt) / TEXTS).write_text(str(attempt))
    later = attempt_folder(tmp_path, 3)
    later.mkdir()
    (later / TEXTS).write_text("not ended")  # a kill came before its ending
    assert file_of_ending(tmp_path, TEXTS) == b"2"
    tidy_trial(tmp_path, keep_student=False)
    assert left(tmp_path) == ["attempt-2/result.json", f"attempt-2/{TEXTS}"]
    assert file_of_ending(tmp_path, TEXTS) == b"2"


def test_an_ending_of_an_older_version_has_no_texts(tmp_path: Path) -> None:
    assert file_of_ending(tmp_path, TEXTS) is None
    end(tmp_path, 1)
    assert file_of_ending(tmp_path, TEXTS) is None


def test_an_ending_comes_from_the_mirror_with_its_files(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "home", f"file://{tmp_path / 'there'}")
    folder = tmp_path / "home" / "trials" / "key"
    own = end(folder, 1)
    for name in (TEXTS, PREDICTIONS):
        (own / name).write_text(f"the content of {name}")
    send_attempt(own, mirror, ended=True)
    shutil.rmtree(tmp_path / "home")
    bring_attempts(folder, mirror)
    assert left(folder) == [f"attempt-1/{PREDICTIONS}", "attempt-1/result.json", f"attempt-1/{TEXTS}"]
    for name in (TEXTS, PREDICTIONS):
        assert file_of_ending(folder, name) == f"the content of {name}".encode()
