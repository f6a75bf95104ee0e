"""A home that older code left half-way, killed: this code goes on with it, to the bit."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from study.config import LATER
from study.ledger.lease import Holder
from study.tracking.page.links import recorded_studies
from tests.end_to_end.conftest import Recorded
from tests.processes import Answer, Kdstudy

pytestmark = pytest.mark.long

ARCHIVE = Path(__file__).parent / "homes" / "halfway.tar.xz"
NAME, PLANNED = "before", 12
WITH_CHECKPOINTS = "13050804cde72f97a2cc99f4cde4875577b3842bff5d3a75837af0e370bdb364"
ENDED = {  # the last of them on disk alone
    "422dcedda01f3727a61437d4d086c1dd42b45ff114f934339e030e5043c5f422",
    "f3238962f43b946b0260620614d59a8ffa08fb7084eb5673902a386435b3fe7f",
    "f8ebb6f511b3c9c41feb8c7a1df277f1577d9a16088b3da02061554e37d269aa",
}
SETTINGS = (
    "init=random,teacher",
    "data_fraction=0.5,1.0",
    "teacher_data=full",
    "steps=600",
    "teacher_steps=60",
    "batch_size=8",
    "learning_rate=1e-4..1e-2",
)
REQUEST = ("--sampler", "tpe", "--trials", "2", "--confirm-seeds", "1", "--concurrency", "2")


@dataclass(frozen=True)
class Halfway:
    """The home twice, as it was left and as this code ended it; what the older code made of it."""

    folder: Path
    left: Path
    home: Path
    expected: dict[str, dict[str, Any]]
    cpu: str

    @property
    def on(self) -> list[str]:
        return ["--task", str(self.folder / "task"), "--model", str(self.folder / "model")]

    def same_numerics(self, result: dict[str, Any]) -> bool:
        """Whether a trial with this `result` must have the older code's numbers, to the bit.

        The numerics on record name the CPU's vector instructions; CPUs that share them may still round
        differently, so the CPU must be the same one as well.
        """
        return bool(result["numerics"] == self.expected[WITH_CHECKPOINTS]["result"]["numerics"]) and (
            this_cpu() == self.cpu
        )


def this_cpu() -> str:
    """The CPU's name, as `records.json` has it; empty if the system does not name its CPU."""
    information = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", information.read_text()) if information.exists() else None
    return found[1] if found else ""


def records(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Trial's key -> the records of its attempts that ended, without how long things took and when."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(home.glob(f"studies/{NAME}/trials/*/attempt-*/result.json")):
        record = json.loads(path.read_text("utf-8"))
        del record["digest"], record["result"]["seconds"], record["result"]["ended_ms"]
        record["result"].pop("data_share", None)  # older code did not say it
        for name in LATER:
            record["result"]["config"].pop(name, None)
        record["history"] = [report for report in record["history"] if report["step"]]  # older code made no 0
        for report in record["history"]:
            del report["seconds"], report["time_ms"]
        found.setdefault(path.parent.parent.name, []).append(record)
    return found


RENEWED = {("runs", "artifact_uri"), ("runs", "name")}
"""What is brought up to date: where the home is now, and names that the older code gave to runs."""


def rows(home: Path) -> dict[str, set[tuple[Any, ...]]]:
    """What MLflow's tables hold of trials that have ended: name of the table -> its rows.

    Without what a resume brings up to date (`RENEWED`).
    """
    with sqlite3.connect(home / "mlflow.db") as database:
        ended = "select run_uuid from runs where status = 'FINISHED'"
        found = {}
        for table in ("runs", "params", "tags", "metrics"):
            names = [row[1] for row in database.execute(f"pragma table_info({table})")]
            columns = ", ".join(name for name in names if (table, name) not in RENEWED)
            query = f"select {columns} from {table} where run_uuid in ({ended})"
            query += " and key <> 'mlflow.runName'" if table == "tags" else ""
            found[table] = set(database.execute(query))
        return found


@pytest.fixture(scope="module")
def halfway(kdstudy: Kdstudy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Halfway, Answer]:
    """The home, unpacked and gone on with to its end; and what the command answered."""
    folder = tmp_path_factory.mktemp("halfway")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    with sqlite3.connect(folder / "home" / "studies" / NAME / "optuna.db") as ledger:
        # the killed driver ran on this machine: else its silence would be waited for
        ledger.execute("update kdstudy_leases set machine = ?", (Holder.here().machine,))
    ledger.close()
    left = shutil.copytree(folder / "home", folder / "left")
    older = json.loads((folder / "records.json").read_text("utf-8"))
    answer = kdstudy("resume", NAME, "--home", folder / "home", timeout=400)
    return Halfway(folder, left, folder / "home", older["trials"], older["cpu"]), answer


@pytest.fixture(scope="module")
def whole(
    halfway: tuple[Halfway, Answer], check_whole: Callable[[Path, str, int], Recorded]
) -> tuple[Halfway, Recorded]:
    """The same with what is on record at its end: every trial once, all ended, nothing twice."""
    study, answer = halfway
    assert answer.code == 0, answer.err
    return study, check_whole(study.home, NAME, PLANNED)


def test_it_comes_to_the_end_that_the_older_code_came_to(whole: tuple[Halfway, Recorded]) -> None:
    study, on_record = whole
    now = records(study.home)
    assert {key: len(attempts) for key, attempts in now.items()} == dict.fromkeys(study.expected, 1)
    assert sorted(record.key for record in on_record.records) == sorted(study.expected)
    for key, (record,) in now.items():
        if key in ENDED or study.same_numerics(record["result"]):
            assert record == study.expected[key], key
        assert (
            on_record.trials[key].data.metrics["validation/accuracy/macro"]
            == (record["result"]["validation"]["accuracy"]["macro"])
        )


def test_what_had_ended_is_as_it_was(whole: tuple[Halfway, Recorded]) -> None:
    study, _ = whole
    for key in ENDED:
        result = Path("studies", NAME, "trials", key, "attempt-1", "result.json")
        assert (study.home / result).read_bytes() == (study.left / result).read_bytes()
    before, now = rows(study.left), rows(study.home)
    assert len(before["runs"]) == 3  # two trials and the teacher
    for table, those in before.items():
        assert those <= now[table], table


def test_runs_get_the_names_descriptions_and_views_that_the_older_code_did_not_write(
    whole: tuple[Halfway, Recorded],
) -> None:
    study, on_record = whole
    for key, run in on_record.trials.items():
        assert run.info.run_name != key[:8]
        assert "mlflow.note.content" in run.data.tags
    assert recorded_studies(study.home / "mlflow.db")[NAME][1]


def test_the_runs_keep_their_artifacts_where_the_home_is_now(whole: tuple[Halfway, Recorded]) -> None:
    study, on_record = whole
    place = f"{(study.home / 'mlartifacts').as_uri()}/"
    assert all(run.info.artifact_uri.startswith(place) for run in on_record.runs)


def test_what_had_been_reported_is_not_reported_anew(whole: tuple[Halfway, Recorded]) -> None:
    study, _ = whole
    journals = sorted(study.left.glob(f"studies/{NAME}/trials/*/progress.jsonl"))
    assert len(journals) == 4
    for journal in journals:
        now = study.home / journal.relative_to(study.left)
        assert now.read_bytes().startswith(journal.read_bytes())
        assert len(now.read_text("utf-8").splitlines()) == 4


def test_the_trial_that_was_training_went_on_from_its_checkpoint(whole: tuple[Halfway, Recorded]) -> None:
    """A second attempt ended it; the first three of its four reports are those of the first attempt."""
    study, _ = whole
    trial = Path("studies", NAME, "trials", WITH_CHECKPOINTS)
    (ended,) = (study.home / trial).glob("attempt-*/result.json")
    assert ended.parent.name == "attempt-2"
    lines = (study.left / trial / "progress.jsonl").read_text("utf-8").splitlines()
    history = json.loads(ended.read_text("utf-8"))["history"]
    assert [r["time_ms"] for r in history[:3]] == [json.loads(line)["time_ms"] for line in lines]
    assert history[2]["step"] == 450


@pytest.mark.parametrize("phase", [pytest.param("search", marks=pytest.mark.slow), "confirm"])
def test_a_trial_alone_on_the_older_codes_artifacts_has_the_same_numbers(
    whole: tuple[Halfway, Recorded], command: Callable[..., Answer], tmp_path: Path, phase: str
) -> None:
    """One that this code ran whole is the same once more, on whatever machine."""
    study, on_record = whole
    began = ENDED | {WITH_CHECKPOINTS}
    key = next(r.key for r in on_record.records if r.phase == phase and r.key not in began)
    (record,) = records(study.home)[key]
    shutil.copytree(study.left / "artifacts", tmp_path / "home" / "artifacts")
    decided = ("task", "model", "model_layers", "teacher")
    settings = [f"--set={k}={v}" for k, v in record["result"]["config"].items() if k not in decided]
    answer = command("trial", *study.on, "--home", tmp_path / "home", "--json", *settings)
    assert answer.code == 0, answer.err
    alone = json.loads(answer.out)
    assert alone["key"] == key
    assert alone["validation"] == record["result"]["validation"]
    assert phase == "search" or alone["test"] == record["result"]["test"]


@pytest.mark.slow
def test_a_study_that_nobody_disturbed_has_the_same_numbers(
    whole: tuple[Halfway, Recorded],
    kdstudy: Kdstudy,
    check_whole: Callable[[Path, str, int], Recorded],
    tmp_path: Path,
) -> None:
    """This code alone, from the same request and the older code's artifacts, in a home of its own.

    The older code had no seed blocks: its draw is that of block 0.
    """
    study, on_record = whole
    home = tmp_path / "home"
    shutil.copytree(study.left / "artifacts", home / "artifacts")
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    arguments: list[str | Path] = [
        "low_resource",
        "--name",
        NAME,
        "--home",
        home,
        "--seed-block",
        "0",
        *study.on,
        *REQUEST,
        *settings,
    ]
    answer = kdstudy("run", *arguments, timeout=400)
    assert answer.code == 0, answer.err
    undisturbed = check_whole(home, NAME, PLANNED)
    there, here = records(home), records(study.home)
    begun = ENDED | {WITH_CHECKPOINTS}
    same = study.same_numerics(there[WITH_CHECKPOINTS][-1]["result"])
    assert begun <= there.keys()
    assert not same or there.keys() == here.keys()
    for key in there.keys() & here.keys():
        if key not in begun or same:
            assert there[key] == here[key], key
    assert {r.key for r in undisturbed.records if r.phase == "search"} == {
        r.key for r in on_record.records if r.phase == "search"
    }
