"""`request.json`: what was asked of a study, in words that people read; the file never stops a study."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from study.errors import masked
from study.planning import request_file
from study.planning.request import Request
from study.planning.request_file import write_request
from study.planning.resolve import Resolved, resolve
from study.space import Range, SearchSpace
from study.storage.artifacts import Store

RUN = ["/opt/bin/kdstudy", "run", "my space.py", "--trials", "2"]


@pytest.fixture
def resolved(task_folder: Path, model_folder: Path, tmp_path: Path) -> Resolved:
    request = Request("demo", task=str(task_folder), model=str(model_folder))
    space = SearchSpace(
        question="why?",
        scientific={"init": ("base", "teacher")},
        nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
        fixed={"depth": "1/2"},
        trials=2,
        confirm_seeds=1,
    )
    return resolve(request, "demo", space, Store(tmp_path / "store"))


def with_budget(resolved: Resolved, **budget: int) -> Resolved:
    space = resolved.plan.space.model_copy(update=budget)
    plan = resolved.plan.model_copy(update={"space": space})
    return Resolved(resolved.request, resolved.task, resolved.model, plan, resolved.store)


def read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "request.json").read_text("utf-8"))
    return content


def test_what_was_asked_can_be_read(resolved: Resolved, tmp_path: Path) -> None:
    write_request(tmp_path, resolved, RUN)
    found = read(tmp_path)
    (command,) = found["commands"]
    assert command["command"] == "kdstudy run 'my space.py' --trials 2"
    assert command["time"].endswith("+00:00")
    assert command["code"]
    assert command["versions"].keys() >= {"kdstudy", "python", "torch", "transformers", "ray", "optuna"}
    assert all(version[0].isdigit() for version in command["versions"].values())
    assert (found["study"], found["request"]["task"]) == ("demo", resolved.request.task)
    assert found["task"]["fingerprint"] == resolved.task.fingerprint
    assert found["task"]["rows"]["train"] == len(resolved.task.splits["train"])
    assert (found["model"]["fingerprint"], found["model"]["layers"]) == (resolved.model.fingerprint, 4)
    assert found["teacher"] == "trained for the study"
    assert (found["space"]["trials"], found["space"]["fixed"]) == (2, {"depth": 2})
    assert found["arms"] == ["init=base", "init=teacher"]
    assert found["held"]["steps"] == 200


def test_the_same_budget_again_changes_nothing(resolved: Resolved, tmp_path: Path) -> None:
    write_request(tmp_path, resolved, RUN)
    before = (tmp_path / "request.json").read_bytes()
    for again in (resolved, with_budget(resolved, trials=1), with_budget(resolved, confirm_seeds=0)):
        write_request(tmp_path, again, ["kdstudy", "resume", "demo"])
    assert (tmp_path / "request.json").read_bytes() == before


def test_a_lower_budget_that_was_given_adds_its_command_line(resolved: Resolved, tmp_path: Path) -> None:
    write_request(tmp_path, resolved, RUN)
    lower = with_budget(resolved, trials=1)
    given = replace(lower, plan=lower.plan.model_copy(update={"exact": ("trials",)}))
    for _ in range(2):
        write_request(tmp_path, given, [*RUN[:-1], "1"])
    assert [(one["trials"], one["confirm_seeds"]) for one in read(tmp_path)["commands"]] == [(2, 1), (1, 1)]


def test_a_larger_budget_adds_its_command_line(resolved: Resolved, tmp_path: Path) -> None:
    write_request(tmp_path, resolved, RUN)
    write_request(tmp_path, with_budget(resolved, trials=5, confirm_seeds=0), [*RUN[:-1], "5"])
    found = read(tmp_path)
    budgets = [(one["trials"], one["confirm_seeds"]) for one in found["commands"]]
    assert budgets == [(2, 1), (5, 1)], "a study goes on with the larger of both budgets"
    assert [one["command"].split()[-1] for one in found["commands"]] == ["2", "5"]
    assert (found["space"]["trials"], found["space"]["confirm_seeds"]) == (5, 1)


def test_a_tuning_that_is_added_adds_its_command_line(resolved: Resolved, tmp_path: Path) -> None:
    """A file of an older version says nothing of tunings: then there was one."""
    write_request(tmp_path, resolved, RUN)
    found = read(tmp_path)
    assert (found["seed_block"], found["selection"], found["tunings"]) == (
        resolved.plan.seed_block,
        "interpolated",
        1,
    )
    del found["commands"][0]["tunings"]
    (tmp_path / "request.json").write_text(json.dumps(found))
    write_request(tmp_path, resolved, RUN)
    assert len(read(tmp_path)["commands"]) == 1
    write_request(tmp_path, resolved, RUN, resolved.plan.model_copy(update={"tunings": 2}))
    assert [one.get("tunings") for one in read(tmp_path)["commands"]] == [None, 2]
    assert read(tmp_path)["tunings"] == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://user:secret@host:5432/db", "postgresql://user:***@host:5432/db"),
        ("postgresql+psycopg://user:se@cr:et@host/db?x=a@b", "postgresql+psycopg://user:***@host/db?x=a@b"),
        ("--ledger-url=mysql://user:se/cr?et@host/db", "--ledger-url=mysql://user:***@host/db"),
        ("http://:secret@host", "http://:***@host"),
        ("s3://bucket/x?secret_key=ab/c&region=eu", "s3://bucket/x?secret_key=***&region=eu"),
        ("https://account.blob/x?se=2030&SIG=a%2Fb", "https://account.blob/x?se=2030&SIG=***"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("learning_rate=1e-4..1e-2", "learning_rate=1e-4..1e-2"),
    ],
)
def test_passwords_in_urls_are_masked(resolved: Resolved, tmp_path: Path, text: str, shown: str) -> None:
    assert masked(text) == shown
    write_request(tmp_path, resolved, ["kdstudy", "run", text])
    assert "secret@" not in (tmp_path / "request.json").read_text("utf-8")
    assert read(tmp_path)["commands"][0]["command"].strip("'").endswith(shown.split("://")[-1])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"commands": 3}', '{"commands": [{"trials": "two"}]}'])
def test_a_damaged_file_is_written_anew(resolved: Resolved, tmp_path: Path, content: str) -> None:
    (tmp_path / "request.json").write_text(content)
    write_request(tmp_path, resolved, RUN)
    assert len(read(tmp_path)["commands"]) == 1


@pytest.mark.parametrize("error", [RuntimeError("?"), OSError(errno.EACCES, "denied"), KeyError("x")])
def test_what_goes_wrong_stops_no_study(
    resolved: Resolved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(request_file, "write_atomically", fail)
    write_request(tmp_path, resolved, RUN)
    assert list(tmp_path.glob("request*")) == []


def test_a_full_disk_stops_a_study_as_everywhere(
    resolved: Resolved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(request_file, "write_atomically", full)
    with pytest.raises(OSError, match="no space left"):
        write_request(tmp_path, resolved, RUN)
