"""A home that several users share: readable and resumable by a group under its umask; or one line, at once.

The tests become other users in a child of this process, so the tests are run by root.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from study.home import Home
from study.ledger.records import State
from study.ledger.study import OpenStudy
from study.tracking.journal import Journal
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts
from study.tracking.sync import sync_study
from study.tracking.tracker import Tracker
from tests.processes import Answer

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users"),
]

ANNA, BEN, GROUP = 61001, 61002, 61000
NAME = "demo"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder of the group, with the bit that makes everything in it the group's."""
    folder = Path(tempfile.mkdtemp(prefix="kdstudy-shared-"))
    os.chown(folder, ANNA, GROUP)
    folder.chmod(0o2775)
    yield folder
    shutil.rmtree(folder)


def as_user(user: int, umask: int, do: Callable[[], object]) -> Answer:
    """Do `do` as another user of the group, in a child of this process; returns its exit code and output."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        out, err, code = io.StringIO(), io.StringIO(), 0
        try:
            os.setgroups([])
            os.setresgid(GROUP, GROUP, GROUP)
            os.setresuid(user, user, user)
            os.umask(umask)
            with redirect_stdout(out), redirect_stderr(err):
                do()
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            code = 99
            err.write(traceback.format_exc())
        with os.fdopen(write, "w") as pipe:
            json.dump([code, out.getvalue(), err.getvalue()], pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = json.load(pipe)
    os.waitpid(child, 0)
    return Answer(*answer)


def command(*arguments: str | Path) -> Callable[[], None]:
    from study.cli.app import main

    def run() -> None:
        sys.argv = ["kdstudy", *map(str, arguments)]
        main()

    return run


@pytest.fixture
def begin(fast_sqlite: None, make_plan: Any, make_report: Any) -> Callable[[Path], Home]:
    """`begin(root)`: a home there, with a study of which one trial of two has ended."""

    def new(root: Path) -> Home:
        home = Home(root)
        home.begin(NAME, {})
        study = OpenStudy.at(home, NAME)
        study.ledger.open(make_plan(name=NAME, trials=2, confirm_seeds=0))
        with study.lease() as lease, Outbox(lease.holds) as outbox:
            posts = Posts(outbox, Tracker.of(study), study.folder, study.store)
            record = study.ledger.ask_search()
            assert record is not None
            journal = Journal(study.trials / record.key)
            journal.add(make_report(1, 0.5, "complete"))
            study.ledger.tell(record, State.COMPLETE, 0.5)
            posts.trial(record, journal, State.COMPLETE)
            posts.study([], "pause")
            assert outbox.finish(60), outbox.away

        def build(target: Path, work: Path) -> None:
            (target / "content").write_text("built")

        study.store.build("kind", "key", build)
        study.ledger.storage.remove_session()
        study.ledger.storage.engine.dispose()
        return home

    return new


@pytest.fixture
def warm(begin: Callable[[Path], Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is imported: another user may not be able to read where Python is installed."""
    home = begin(tmp_path / "warm")
    assert sync_study(home, NAME) == 0
    monkeypatch.setattr(sys, "argv", sys.argv)
    with pytest.raises(SystemExit):
        command("status", NAME, "--home", home.root)()


def modes(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")}


def test_every_file_has_the_mode_of_the_umask(begin: Callable[[Path], Home], tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        home = begin(tmp_path / "open")
        os.umask(0o027)
        other = begin(tmp_path / "closed")
    finally:
        os.umask(before)
    for root, file, folder in ((home.root, 0o644, 0o755), (other.root, 0o640, 0o750)):
        found = modes(root)
        assert {"mlflow.db", f"studies/{NAME}/optuna.db", f"studies/{NAME}/study.json"} <= found.keys()
        wrong = {
            name: oct(mode)
            for name, mode in found.items()
            if mode != (folder if (root / name).is_dir() else file)
        }
        assert wrong == {}


def test_a_member_of_the_group_goes_on_where_another_began(
    warm: None, begin: Callable[[Path], Home], shared: Path
) -> None:
    root = shared / "home"
    began = as_user(ANNA, 0o002, lambda: begin(root))
    assert began.code == 0, began.err
    home = Home(root)
    for path in root.rglob("*"):
        assert path.stat().st_gid == GROUP
        assert path.stat().st_mode & stat.S_IWGRP, path

    def go_on() -> None:
        home.check_shared(NAME)
        study = OpenStudy.at(home, NAME)
        with study.lease():
            record = study.ledger.ask_search()
            assert record is not None
            Journal(study.trials / record.key).add(Journal(next(study.trials.iterdir())).reports[0])
            study.ledger.tell(record, State.COMPLETE, 0.6)
        assert sync_study(home, NAME) == 1
        (study.store.root / "kind" / "key" / "content").write_text("spoilt")

        def build(target: Path, work: Path) -> None:
            (target / "content").write_text("again")

        study.store.build("kind", "key", build)

    went_on = as_user(BEN, 0o002, go_on)
    assert went_on.code == 0, went_on.err
    assert (root / "artifacts" / "kind" / "key" / "content").read_text() == "again"
    back = as_user(ANNA, 0o002, command("status", NAME, "--home", root, "--json"))
    assert (back.code, json.loads(back.out)["complete"]) == (0, 2), back.err


def test_a_colleague_reads_a_home_that_is_open_to_readers(
    warm: None, begin: Callable[[Path], Home], shared: Path
) -> None:
    root = shared / "home"
    assert as_user(ANNA, 0o022, lambda: begin(root)).code == 0
    before = modes(root)
    for arguments in (("status", NAME), ("status",)):
        answer = as_user(BEN, 0o022, command(*arguments, "--home", root, "--json"))
        assert answer.code == 0, answer.err
        assert '"complete": 1' in answer.out
    assert modes(root) == before


@pytest.mark.parametrize(
    "file", [f"studies/{NAME}/study.json", f"studies/{NAME}/optuna.db", f"studies/{NAME}"]
)
def test_what_may_not_be_read_is_named_with_the_word_permission(
    warm: None, begin: Callable[[Path], Home], shared: Path, file: str
) -> None:
    root = shared / "home"
    assert as_user(ANNA, 0o022, lambda: begin(root)).code == 0
    (root / file).chmod(0o700)
    one = as_user(BEN, 0o022, command("status", NAME, "--home", root))
    assert (one.code, one.out) == (2, ""), one.err
    assert one.err.count("\n") == 1
    assert "permission" in one.err
    assert str(root / file) in one.err
    if not (root / file).is_dir():
        every = as_user(BEN, 0o022, command("status", "--home", root))
        assert every.code == 1
        assert NAME in every.out
        assert f"{NAME} cannot be read: {root / file}: no permission" in every.err


def test_what_may_not_be_written_is_named_before_anything_starts(
    warm: None, begin: Callable[[Path], Home], shared: Path
) -> None:
    """A study that was begun under umask 022, in the folder of a group."""
    root = shared / "home"
    assert as_user(ANNA, 0o022, lambda: begin(root)).code == 0

    def check() -> None:
        from study.errors import RequestError

        with pytest.raises(RequestError) as refused:
            Home(root).check_shared(NAME)
        print(refused.value)

    answer = as_user(BEN, 0o002, check)
    assert answer.code == 0, answer.err
    assert answer.out == (
        f"{root}/artifacts: no permission: this user may not write it (its mode is 2755); its owner, "
        f"user {ANNA}, can share it: chmod g+rwX\n"
    )
