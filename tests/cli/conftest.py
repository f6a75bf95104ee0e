"""The command in this process, what requests name, and the home of a study that is finished."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from study.home import Home
from tests.cli.place import SPACE, SPOILT, Place, spoil_task
from tests.in_process import caller, contents
from tests.processes import Answer


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The command's entry point in this process."""
    return caller(monkeypatch, capsys)


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, str]]:
    """All that is in a folder: names, and the content of files."""
    return contents


@pytest.fixture(scope="session")
def origin(
    task_folder: Path, model_folder: Path, base_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What requests name, right and wrong."""
    from study.trial.models.teacher import new_classifier
    from study.trial.models.tokenizer import load_tokenizer

    folder = tmp_path_factory.mktemp("origin")
    shutil.copytree(task_folder, folder / "task")
    shutil.copytree(model_folder, folder / "model")
    for name in SPOILT:
        shutil.copytree(task_folder, folder / name)
        spoil_task(folder / name, name)
    teacher = new_classifier(base_folder, ("alarm", "music", "news", "politics"), 0)
    teacher.save_pretrained(folder / "teacher")
    load_tokenizer(base_folder).save_pretrained(folder / "teacher")
    (folder / "space.py").write_text(SPACE)
    (folder / "wrong.py").write_text(SPACE.replace("trials=2", "trials=0"))
    (folder / "syntax.py").write_text(SPACE.replace("trials=2", "trials="))
    (folder / "empty.py").write_text("")
    (folder / "file").write_text("")
    return folder


@pytest.fixture
def place(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The working directory of a test."""
    folder = shutil.copytree(origin, tmp_path / "here")
    monkeypatch.chdir(folder)
    return Place(folder)


@dataclass(frozen=True)
class FinishedStudy:
    """A study whose planned trials have all ended, and of which MLflow has everything. `on`: its options."""

    home: Home
    name: str
    space: Path
    on: tuple[str, ...]


@pytest.fixture(scope="session")
def finished_study(
    origin: Path,
    make_report: Callable[..., Any],
    fast_sqlite: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> FinishedStudy:
    """It is written by the ledger and the tracker, as `run` writes it; no trial was trained."""
    from study.cli.publish import publish
    from study.ledger.progress import confirm_wanted
    from study.ledger.records import State
    from study.ledger.study import OpenStudy
    from study.planning.request import Request
    from study.planning.resolve import resolve
    from study.planning.spaces import load_space
    from study.tracking.tracker import Tracker

    home = Home(tmp_path_factory.mktemp("finished") / "home")
    name, space = load_space(str(origin / "space.py"))
    request = Request(name, task=str(origin / "task"), model=str(origin / "model"))
    resolved = resolve(request, name, space, home.store)
    home.begin(name, {})
    study = OpenStudy.at(home, name)
    ledger = study.ledger
    plan = ledger.open(resolved.plan.on_model(str(resolved.model.fingerprint)))
    tracker = Tracker.of(study)
    tracker.begin()

    def end(record: Any, value: float) -> None:
        (home.trials(name) / record.key).mkdir(parents=True)
        ledger.tell(record, State.COMPLETE, value)
        test = value if record.phase == "confirm" else None
        tracker.replay(record, [make_report(1, value, "complete", test)], State.COMPLETE)

    while (record := ledger.ask_search()) is not None:
        end(record, 0.4 + record.number / 10)
    wanted = confirm_wanted(plan, ledger.records())
    while (record := ledger.ask_confirm(wanted)) is not None:
        end(record, 0.5)
    tracker.finish()
    publish(home, name)
    ledger.storage.remove_session()
    ledger.storage.engine.dispose()
    return FinishedStudy(home, name, origin / "space.py", ("--task", request.task, "--model", request.model))


@pytest.fixture
def finished_copy(finished_study: FinishedStudy, tmp_path: Path) -> FinishedStudy:
    """The same in a home that a test may change."""
    home = Home(shutil.copytree(finished_study.home.root, tmp_path / "home"))
    return FinishedStudy(home, finished_study.name, finished_study.space, finished_study.on)
