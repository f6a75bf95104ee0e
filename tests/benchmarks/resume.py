"""How long a resume of a large study takes to reach its first new trial, and the driver's memory.

Run as: python -m tests.benchmarks.resume [ENDED ...]      (default 1000)
The ended trials are put on record as a driver does, ledger, MLflow, journal and result, without training
them; then `kdstudy resume` runs for real and is stopped once it has asked for a new trial.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import optuna

from study.home import Home
from study.ledger.ledger import Ledger
from study.ledger.records import State
from study.planning.plan import Plan
from study.tracking.journal import Journal
from study.tracking.tracker import Tracker
from study.trial.progress import Progress

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="q?",
    scientific={"init": ("teacher", "random")},
    nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
    fixed={"steps": 20, "batch_size": 8, "depth": 1, "teacher_steps": 10},
    trials=1, confirm_seeds=0, reports=2, sampler="tpe",
)
"""
LANGUAGES = ("eng", "swh")


def main(ended: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        space = Path(folder) / "space.py"
        space.write_text(SPACE, encoding="utf-8")
        home = Home(Path(folder) / "home")
        arguments = ["run", space, "--home", home.root, "--languages", ",".join(LANGUAGES)]
        subprocess.run(_command(*arguments), check=True, capture_output=True)
        fill(home, "space", ended)
        began = time.monotonic()
        process = subprocess.Popen(
            _command("resume", "space", "--home", home.root),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        first, asked = None, _asked(home)  # the plan has budget left
        while first is None and process.poll() is None:
            if _asked(home) > asked:
                first = time.monotonic() - began
            time.sleep(0.02)
        time.sleep(10)
        memory = _memory(process.pid)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.wait()
        return {"ended": ended, "seconds_to_first_new_trial": first, "driver_mib": memory}


def fill(home: Home, name: str, ended: int) -> None:
    """Put `ended` ended search trials on record, as many in each arm."""
    urls = home.urls(name)
    ledger = Ledger(urls["ledger_url"], name)
    plan = ledger.plan
    assert plan is not None
    plan = ledger.open(plan.model_copy(update={"space": plan.space.model_copy(update={"trials": ended})}))
    tracker = Tracker(urls["tracking_uri"], home.artifact_location(urls), plan, ledger.study_id)
    sample = next(home.trials(name).iterdir())
    reports, result = Journal(sample).reports, next(sample.glob("attempt-*/result.json"))
    for arm in plan.arms():
        study = optuna.load_study(study_name=f"{name}/search/{arm.name}", storage=ledger.storage)
        study.add_trials([_trial(plan, arm, i, ended // 2, reports) for i in range(1, ended // 2)])
    for record in ledger.records():
        folder = home.trials(name) / record.key
        if not folder.exists():
            (folder / "attempt-1").mkdir(parents=True)
            shutil.copy(sample / "progress.jsonl", folder)
            record_of = json.loads(result.read_text("utf-8"))
            record_of["result"]["key"] = record.key
            (folder / "attempt-1" / "result.json").write_text(json.dumps(record_of), encoding="utf-8")
            tracker.replay(record, reports, State.COMPLETE)


def _trial(plan: Plan, arm: Any, i: int, of: int, reports: list[Progress]) -> Any:
    rate = 1e-4 * 100 ** (i / of)
    config = plan.config(arm, {"learning_rate": rate})
    template = next(iter(plan.space.nuisance.values()))
    return optuna.trial.create_trial(
        params={"learning_rate": rate},
        distributions={
            "learning_rate": optuna.distributions.FloatDistribution(template.low, template.high, log=True)  # type: ignore[union-attr]
        },
        value=0.1 + i / of / 10,
        intermediate_values={report.report: report.value for report in reports if report.value is not None},
        user_attrs={
            "arm": arm.name,
            "config": config.model_dump_json(),
            "key": config.key,
            "attempts": 1,
            "outcome": "complete",
        },
    )


def _command(*arguments: Any) -> list[str]:
    return [sys.executable, str(Path(sys.executable).with_name("kdstudy")), *map(str, arguments)]


def _asked(home: Home) -> int:
    with sqlite3.connect(home.study("space") / "optuna.db") as database:
        (count,) = database.execute("select count(*) from trial_user_attributes where key = 'key'").fetchone()
    return int(count)


def _memory(pid: int) -> float | None:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) / 1024


if __name__ == "__main__":
    found = [main(int(count)) for count in sys.argv[1:] or ["1000"]]
    for one in found:
        print(one)
    folder = Path("bench-results")
    folder.mkdir(exist_ok=True)
    (folder / "resume.json").write_text(json.dumps({"cpus": os.cpu_count(), "runs": found}, indent=1))
