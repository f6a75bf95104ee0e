"""How long a large study takes to be read and reported, and in how much memory.

Run as: python -m tests.benchmarks.report [RUNS [LANGUAGES]]     (default 5000 52; make bench)

An MLflow database (SQLite) of a study of 24 arms with ten confirm seeds, the rest of its runs search: each
has accuracy, macro-F1 and retention of every language on validation, at four reports, and on test. It is
made by MLflow and the tracker; only its trials' rows are inserted without them, which would take an hour.

client   as MLflow's client gives it, an object a metric: what reading cost before
read     `read_study`, from the tables
report   the same, and all files of the report; exit code 1 where it takes more than `MOST`
"""

from __future__ import annotations

import json
import math
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

NAME = "large"
REPORTS, STEPS = 4, 400
SEEDS = 10
SCIENTIFIC = {"init": ("random", "base", "teacher"), "alpha": (1.0, 0.2), "depth": (1, 2, 3, 4)}
MOST = {"seconds": 30.0, "peak_mib": 2048.0}
METRICS = ("accuracy", "macro_f1", "retention")


def generate(database: Path, runs: int, languages: int) -> None:
    """Write the study into `database`, a file that is not there yet."""
    from study.planning.plan import ModelFacts, Plan
    from study.space import Range, SearchSpace
    from study.tracking.tracker import Tracker

    space = SearchSpace(
        question="how long does a large study take to be read?",
        scientific=SCIENTIFIC,
        nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
        trials=max(1, runs // 24 - SEEDS),
        confirm_seeds=SEEDS,
        reports=REPORTS,
    )
    plan = Plan.make(NAME, space, "a" * 64, ModelFacts("b" * 64, 6, 1e-3), "", {"space": "bench"})
    tracker = Tracker(f"sqlite:///{database}", None, plan, "drawn")
    tracker.finish()
    codes = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}x" for n in range(languages)]
    random, connection = np.random.default_rng(0), sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = MEMORY")
    for start, (phase, arm, config, good) in enumerate(_trials(plan, random), 1_700_000_000_000):
        run = uuid.UUID(bytes=random.bytes(16)).hex
        _insert_run(connection, int(tracker.runs.experiment), run, start, phase, arm, config)
        _insert_metrics(connection, run, start, codes, good, random)
    connection.commit()
    connection.close()


def _trials(plan: Any, random: np.random.Generator) -> Iterator[tuple[str, str, Any, float]]:
    """(phase, arm, configuration, its accuracy) of every trial; the first of a search is its best."""
    rates = {arm: (1e-3 * np.exp(random.uniform(-1, 1, plan.space.trials))).tolist() for arm in plan.arms()}
    for arm, of_arm in rates.items():
        for number, rate in enumerate(of_arm):
            good = _accuracy(arm) + 0.05 * (number == 0)
            yield "search", arm.name, plan.config(arm, {"learning_rate": rate}), good
    for arm, (rate, *_) in rates.items():
        for seed in range(1, SEEDS + 1):
            yield "confirm", arm.name, plan.config(arm, {"learning_rate": rate}, seed), _accuracy(arm)


def _accuracy(arm: Any) -> float:
    values = dict(arm.values)
    of_init = {"random": 0.0, "base": 0.1, "teacher": 0.15}[values["init"]]
    return float(0.3 + of_init + 0.02 * values["depth"])


def _insert_run(
    connection: sqlite3.Connection, experiment: int, run: str, start: int, phase: str, arm: str, config: Any
) -> None:
    connection.execute(
        "INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, end_time,"
        " lifecycle_stage, experiment_id) VALUES (?, ?, 'LOCAL', 'bench', 'FINISHED', ?, ?, 'active', ?)",
        (run, config.key[:8], start, start + REPORTS, experiment),
    )
    tags = {"phase": phase, "key": config.key, "arm": arm, "outcome": "complete", "study": "drawn"}
    pairs = [(f"kdstudy.{name}", value, run) for name, value in tags.items()]
    connection.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", pairs)
    params = [(name, str(value), run) for name, value in config.effective().items() if value is not None]
    connection.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", params)


def _insert_metrics(
    connection: sqlite3.Connection,
    run: str,
    start: int,
    codes: list[str],
    good: float,
    random: np.random.Generator,
) -> None:
    names, rows = [*codes, "macro", "worst"], []
    for report in range(1, REPORTS + 1):
        step = STEPS * report // REPORTS
        splits = ("validation", "test") if report == REPORTS else ("validation",)
        for split in splits:
            for metric in METRICS:
                values = good + 0.05 * report + random.normal(0, 0.02, len(codes))
                every = [*values.tolist(), float(values.mean()), float(values.min())]
                rows += [
                    (f"{split}/{metric}/{n}", v, start + report, step, run)
                    for n, v in zip(names, every, strict=True)
                ]
        rows.append(("loss", math.exp(-report), start + report, step, run))
    rows += [(name, 1.0, start + REPORTS, STEPS, run) for name in ("seconds", "parameters")]
    columns = "(key, value, timestamp, step, run_uuid, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
    connection.executemany(f"INSERT INTO metrics {columns}", rows)
    last = [row for row in rows if row[3] == STEPS]
    connection.executemany(f"INSERT INTO latest_metrics {columns}", last)


def by_client(uri: str) -> Any:
    from analysis.record.reading import merge
    from analysis.record.source import Client

    return merge([Client(uri, NAME)], NAME)


def read(uri: str) -> Any:
    from analysis.record.reading import read_study

    return read_study(uri, NAME)


def report(uri: str) -> Any:
    from analysis.report.write import write_report
    from analysis.verdict.results import Results

    record = read(uri)
    with tempfile.TemporaryDirectory() as folder:
        write_report(Results(record), Path(folder))
    return record


PARTS: dict[str, Callable[[str], Any]] = {"client": by_client, "read": read, "report": report}


def measure(part: str, uri: str) -> dict[str, float]:
    """One part, in this process from its imports on."""
    began = time.perf_counter()
    record = PARTS[part](uri)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024,
        "trials": len(record.trials),
        "scores": len(record.scores),
    }


def main(runs: int = 5000, languages: int = 52) -> None:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "mlflow.db"
        generate(database, runs, languages)
        print(f"{'database':8}  {'mib':12}  {database.stat().st_size / 2**20:10.4g}", flush=True)
        for part in PARTS:
            command = [
                sys.executable,
                "-m",
                "tests.benchmarks.report",
                "--part",
                part,
                f"sqlite:///{database}",
            ]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[part] = json.loads(answer.stdout.splitlines()[-1])
            for figure, value in found[part].items():
                print(f"{part:8}  {figure:12}  {value:10.4g}", flush=True)
    results = Path("bench-results")
    results.mkdir(exist_ok=True)
    text = json.dumps(
        {"cpus": os.cpu_count(), "runs": runs, "languages": languages, "parts": found}, indent=1
    )
    (results / "report.json").write_text(text, encoding="utf-8")
    if over := [
        f"{figure} above {most:g}" for figure, most in MOST.items() if found["report"][figure] > most
    ]:
        sys.exit(f"report: {', '.join(over)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        print(json.dumps(measure(sys.argv[2], sys.argv[3])))
    else:
        main(*map(int, sys.argv[1:]))
