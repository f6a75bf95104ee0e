"""The stock combination under the kills that kdstudy outlives: what it leaves behind, beside ours."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.chaos.chaos import NAME, Chaos, Whole
from tests.chaos.stock_driver import TRIALS
from tests.processes import Kdstudy

DRIVER = Path(__file__).with_name("stock_driver.py")
KILLS = 4
REPEATS = int(os.environ.get("KDSTUDY_CHAOS_REPEATS", "2"))

pytestmark = pytest.mark.chaos


def left_by_stock(home: Path) -> dict[str, Any]:
    """What is wrong on record: by MLflow's and Optuna's own tables."""
    with sqlite3.connect(home / "mlflow.db") as database:
        statuses = Counter(s for (s,) in database.execute("select status from runs"))
        of_trial: dict[str, list[str]] = {}
        for run, key, value in database.execute(
            "select run_uuid, key, value from params where key in ('learning_rate', 'init') order by key"
        ):
            of_trial.setdefault(run, []).append(f"{key}={value}")
    configurations = Counter(tuple(values) for values in of_trial.values())
    with sqlite3.connect(home / "optuna.db") as database:
        states = Counter(s for (s,) in database.execute("select state from trials"))
    return {
        "trials ended": sum(states.values()) - states["RUNNING"],
        "trials left RUNNING": states["RUNNING"],
        "MLflow runs": sum(statuses.values()),
        "runs twice": sum(configurations.values()) - len(configurations),
        "runs left RUNNING": statuses["RUNNING"],
    }


def left_by_ours(whole: Whole) -> dict[str, Any]:
    """The same, of ours; `violations` has looked at more."""
    keys = Counter(key for key, *_ in whole.runs)
    return {
        "trials ended": sum(not record.running for record in whole.records),
        "trials left RUNNING": sum(record.running for record in whole.records),
        "MLflow runs": sum(keys.values()),
        "runs twice": sum(keys.values()) - len(keys),
        "runs left RUNNING": sum(status == "RUNNING" for _, status, _ in whole.runs),
    }


def run_stock(kdstudy: Kdstudy, home: Path, fixed: str, draw: random.Random) -> dict[str, Any]:
    """Start, kill the process group while trials run, start again; then let it run to its end."""
    crashed = 0
    for kills in range(KILLS + 1):
        running = kdstudy.start(home, fixed, command=(DRIVER,), PYTHONPATH=str(Path.cwd()))
        try:
            while running.process.poll() is None and not running.workers("ray::ImplicitFunc"):
                running.remember()
                time.sleep(0.1)
            if kills < KILLS:
                time.sleep(draw.uniform(2, 6))
            else:
                running.wait_for_end(1200)
                assert running.process.poll() is not None, "the last start must come to its own end"
            crashed += running.process.poll() not in (None, 0)
        finally:
            running.kill(at_once=True)
    return {"kills": KILLS, "crashes": crashed} | left_by_stock(home)


def test_the_stock_combination_beside_ours(
    kdstudy: Kdstudy, arguments: list[str | Path], undisturbed: Whole, tmp_path: Path
) -> None:
    seed = int(os.environ.get("KDSTUDY_CHAOS_SEED", "0"))
    fixed = json.dumps(undisturbed.records[0].config)
    rows: list[dict[str, Any]] = []
    broken: list[str] = []
    for repeat in range(REPEATS):
        home = tmp_path / f"stock-{repeat}"
        shutil.copytree(undisturbed.home / "artifacts", home / "artifacts")
        rows.append({"": "stock"} | run_stock(kdstudy, home, fixed, random.Random(seed + repeat)))
        home = tmp_path / f"ours-{repeat}"
        shutil.copytree(undisturbed.home / "artifacts", home / "artifacts")
        chaos = Chaos(kdstudy, arguments, home, seed + repeat, concurrency=2)
        chaos.run(lambda turn: "group" if turn < KILLS else None)
        whole = Whole(home, NAME)
        rows.append({"": "kdstudy", "kills": chaos.kills.total(), "crashes": 0} | left_by_ours(whole))
        broken += whole.violations()
    table = pd.DataFrame(rows).to_string(index=False)
    print(f"\nplanned: {TRIALS} trials, and kdstudy's two confirm runs\n{table}", flush=True)
    assert broken == []
    assert len(undisturbed.records) - 2 == TRIALS, "the same number of trials"
