"""The stock combination under the kills that kdstudy outlives: what it leaves behind, beside ours."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.chaos.chaos import MOST_CRASHES, NAME, Chaos, kinds_of
from tests.chaos.stock_driver import TRIALS
from tests.chaos.whole import Whole
from tests.processes import Kdstudy, Running

DRIVER = Path(__file__).with_name("stock_driver.py")
TURNS = 6
REPEATS = int(os.environ.get("KDSTUDY_CHAOS_REPEATS", "2"))

pytestmark = pytest.mark.chaos


def left_by_stock(home: Path) -> dict[str, Any]:
    """What is wrong on record: by MLflow's and Optuna's own tables."""
    with sqlite3.connect(home / "mlflow.db") as database:
        statuses = Counter(s for (s,) in database.execute("select status from runs"))
        of_trial: dict[str, list[str]] = {}
        for run, key, value in database.execute(
            "select run_uuid, key, value from params where key in ('learning_rate', 'alpha') order by key"
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


class StockChaos(Chaos):
    """The same kills of the stock combination. It has no fault points: those are steps of our protocol."""

    def _start(self, environment: dict[str, str]) -> Running:
        path = {"PYTHONPATH": str(Path.cwd())}
        return self.kdstudy.start(self.home, *self.arguments, command=(DRIVER,), **path)

    def _may_kill_a_worker(self) -> bool:
        return True

    def _ended_well(self, code: int, stopped: bool) -> bool:
        return stopped or code in (0, -signal.SIGKILL)

    def _not_paused(self, running: Running) -> list[str]:
        return []  # the table has what it leaves behind


def said(who: str, chaos: Chaos, left: dict[str, Any]) -> dict[str, Any]:
    """A line of the table. Each start but the first is a restore."""
    restores = {"kills": chaos.kills.total(), "restores": chaos.starts - 1, "crashed": len(chaos.crashes)}
    return {"": who} | restores | left


def test_the_stock_combination_beside_ours(
    kdstudy: Kdstudy,
    arguments: list[str | Path],
    artifacts: Path,
    undisturbed: Callable[[], Whole],
    tmp_path: Path,
) -> None:
    """The same kinds of kills at moments from the same seed: of groups, workers and Ray, and signals."""
    seed = int(os.environ.get("KDSTUDY_CHAOS_SEED", "0"))
    fixed = json.dumps(undisturbed().records[0].config)
    assert len(undisturbed().records) - 2 == TRIALS, "the same number of trials"
    rows, broken, crashes, drawn = [], [], [], []
    for repeat in range(REPEATS):
        kinds = kinds_of(random.Random(seed + repeat), TURNS, points=False)
        drawn += kinds
        stock, ours = tmp_path / f"stock-{repeat}", tmp_path / f"ours-{repeat}"
        for home in (stock, ours):
            shutil.copytree(artifacts, home / "artifacts")
        chaos: Chaos = StockChaos(kdstudy, [fixed], stock, seed + repeat, concurrency=2)
        chaos.run(kinds)
        rows.append(said("stock", chaos, left_by_stock(stock)))
        crashes += chaos.crashes
        chaos = Chaos(kdstudy, arguments, ours, seed + repeat, concurrency=2)
        chaos.run(kinds)
        whole = Whole(ours, NAME)
        rows.append(said("kdstudy", chaos, left_by_ours(whole)))
        broken += chaos.crashes + whole.violations(len(undisturbed().records))
    table = pd.DataFrame(rows)
    of_stock = table[table[""] == "stock"].sum(numeric_only=True)
    print(f"\nseed {seed}, drawn: {dict(Counter(drawn))}; fault points are of our protocol, and left out")
    print(f"planned: {TRIALS} trials, and kdstudy's two confirm runs\n{table.to_string(index=False)}")
    print(f"stock crashed on {of_stock['crashed']} of {of_stock['restores']} restores; "
          f"a study that has crashed {MOST_CRASHES} times is given up")  # fmt: skip
    print(*crashes, sep="\n", flush=True)
    assert broken == []
