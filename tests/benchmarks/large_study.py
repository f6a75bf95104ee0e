"""A large study's record in MLflow, written by what writes every study's: `Tracker`, `Posts` and `Page`.

The trials are invented; nothing is trained. Of a hundred search trials, one fails and one diverges.

MLflow itself takes about 0.2 ms for each metric, so 5,000 runs with 52 languages and ten reports (8 million
rows) would take it most of an hour. Therefore `write(bulk=True)` leaves one thing to SQLite: rows of metrics,
which go into MLflow's tables many at a time. Runs, names, tags, params and views still come from MLflow.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from sqlalchemy import Engine
from sqlalchemy.event import listen

from study.config import TrialConfig
from study.ledger.progress import summary
from study.ledger.records import Record, State
from study.planning.plan import ModelFacts, Plan
from study.selection import BEST_TRIED
from study.space import Range, SearchSpace
from study.storage.artifacts import Store
from study.tracking.journal import Journal
from study.tracking.outbox import Outbox
from study.tracking.page.page import Page
from study.tracking.posts import Posts
from study.tracking.tracker import Tracker
from study.trial.progress import Progress

__all__ = ["NAME", "LargeStudy", "codes"]

NAME = "large"
SEEDS, STEPS = 10, 400
SCIENTIFIC = {"init": ("random", "base", "teacher"), "alpha": (1.0, 0.2), "depth": (1, 2, 3, 4)}
ARMS = 24
BEST = 1e-3
PROGRESS = 100  # trials after which the study's progress is shown
BEGAN = 1_700_000_000_000  # milliseconds since 1970


def codes(languages: int) -> list[str]:
    """The codes of so many invented languages."""
    return [f"{chr(97 + n // 26)}{chr(97 + n % 26)}x" for n in range(languages)]


class LargeStudy:
    """A study of about `runs` trials in `ARMS` arms; each makes `reports` reports in `languages`."""

    def __init__(self, runs: int, languages: Sequence[str], reports: int) -> None:
        space = SearchSpace(
            question="how soon does a reader see a large study?",
            scientific=SCIENTIFIC,
            nuisance={
                "learning_rate": Range(low=1e-4, high=1e-2, log=True),
                "warmup": Range(low=0.0, high=0.2),
            },
            trials=max(1, runs // ARMS - SEEDS),
            confirm_seeds=SEEDS,
            reports=reports,
            sampler="random",
        )
        facts = ModelFacts("b" * 64, 6, 1e-3)
        plan = Plan.make(NAME, space, "a" * 64, facts, "", {"space": "bench", "task": "invented"})
        self.plan = plan.model_copy(update={"selection": BEST_TRIED})
        self.languages, self.reports = list(languages), reports
        self.random = np.random.default_rng(0)

    def trials(self) -> Iterator[Record]:
        """All trials, ended, in the order in which they would run: arms in turn."""
        plan, number = self.plan, 0
        points = [
            {"learning_rate": float(rate), "warmup": float(warmup)}
            for rate, warmup in zip(
                1e-3 * np.exp(self.random.uniform(-2, 2, plan.space.trials)),
                self.random.uniform(0, 0.2, plan.space.trials),
                strict=True,
            )
        ]
        points[0] |= {"learning_rate": BEST}  # the best, so the confirm runs have it
        of_search = [("search", point, None) for point in points]
        of_confirm = [("confirm", points[0], plan.search_seed + seed) for seed in range(1, SEEDS + 1)]
        for phase, point, seed in [*of_search, *of_confirm]:
            for arm in plan.arms():
                ends = {31: State.FAILED, 41: State.DIVERGED} if phase == "search" else {}
                outcome = ends.get(number % 100, State.COMPLETE)
                config = plan.config(arm, point, seed)
                value = self._good(config) + 0.2 if outcome == State.COMPLETE else None
                yield Record(config.key, phase, arm.name, number, config, outcome, value, None, number)  # type: ignore[arg-type]
                number += 1

    def reports_of(self, record: Record) -> list[Progress]:
        """The reports of a trial; a trial that fails or diverges makes half of them."""
        whole = record.outcome == State.COMPLETE
        rows = record.number * 60_000
        good = self._good(record.config)
        last = self.reports if whole else self.reports // 2
        return [
            Progress(
                report=number,
                step=STEPS * number // self.reports,
                loss=1 / number,
                seconds=0.1 * number,
                time_ms=BEGAN + rows + 1000 * number,
                validation=self._scores(good + 0.02 * number),
                result=self._result(record, good)
                if number == last and record.outcome != State.FAILED
                else None,
            )
            for number in range(1, last + 1)
        ]

    def _good(self, config: TrialConfig) -> float:
        """Accuracy at the start."""
        far = abs(math.log10(config.learning_rate) + 3)
        best = 0.05 * (config.learning_rate == BEST)
        return 0.3 + 0.1 * (config.init == "teacher") + 0.02 * int(config.depth) - 0.1 * far + best

    def _scores(self, good: float) -> dict[str, Any]:
        found: dict[str, Any] = {"n": dict.fromkeys(self.languages, 100)}
        for metric in ("accuracy", "macro_f1", "retention"):
            values = np.clip(good + self.random.normal(0, 0.02, len(self.languages)), 0, 1).tolist()
            by_language = dict(zip(self.languages, values, strict=True))
            found[metric] = {
                "macro": float(np.mean(values)),
                "worst": min(values),
                "by_language": by_language,
            }
        return found

    def _result(self, record: Record, good: float) -> dict[str, Any]:
        return {
            "outcome": str(record.outcome),
            "seconds": 1.5,
            "steps": STEPS,
            "parameters": 1_000_000 * int(record.config.depth),
            "test": self._scores(good + 0.2) if record.phase == "confirm" else None,
            "numerics": {"device": "cpu", "threads": 1},
            "other_numerics_of_teacher": {},
            "other_numerics_before": {},
        }

    def write(
        self, folder: Path, trials: Sequence[Record], at_once: bool = True, bulk: bool = False
    ) -> tuple[int, float]:
        """Write `trials` into `folder`, a home; returns how many reports they made, and the seconds.

        A study that is there goes on. at_once: the outbox sends what a trial has reported together, as it
        does if a trial takes less than a second; else each report is sent by itself. bulk: see the module;
        SQLite then no longer waits for the disk in this process.
        """
        tracker = self._tracker(folder)
        database = sqlite3.connect(folder / "mlflow.db", check_same_thread=False)
        if bulk:
            listen(Engine, "connect", _carelessly)
            tracker.runs.client = _Bulk(tracker.runs.client, database)  # type: ignore[assignment]
        written = 0
        with Outbox() as outbox:
            posts = Posts(outbox, tracker, folder / "studies" / NAME, Store(folder / "artifacts"))
            texts = {"test": dict.fromkeys(self.languages, 100)}
            tracker.begin()
            tracker.texts(lambda: texts)
            posts.page.present(lambda: texts)
            began = time.perf_counter()
            for number, record in enumerate(trials, 1):
                assert record.outcome is not None
                reports, journal = self.reports_of(record), Journal(posts.trials / record.key)
                posts.trial(record, journal, State.RUNNING)
                for report in reports:
                    journal.reports.append(report) if bulk else journal.add(report)
                    posts.trial(record, journal, State.RUNNING)
                    assert at_once or outbox.flush(600), outbox.away
                if record.outcome == State.FAILED:
                    (posts.trials / record.key / "traceback.txt").write_text("ValueError: invented")
                posts.trial(record, journal, record.outcome)
                if number % PROGRESS == 0:
                    posts.progress(summary(self.plan, [*trials[:number]]), now=True)
                assert outbox.flush(600), outbox.away
                written += len(reports)
            seconds = time.perf_counter() - began
        database.close()
        return written, seconds

    def finish(self, folder: Path, trials: Sequence[Record]) -> None:
        """Close the study's runs, and show the report's numbers in them, as `kdstudy report` does."""
        from analysis.record.reading import read_study
        from analysis.verdict.published import numbers_of_arms, numbers_of_study
        from analysis.verdict.results import Results

        tracker = self._tracker(folder)
        page = Page(tracker)
        page.progress(summary(self.plan, [*trials], driver=None), BEGAN)
        tracker.finish(len(trials))
        results = Results(read_study(tracker.runs.uri, NAME))
        page.publish(numbers_of_arms(results), numbers_of_study(results), BEGAN)

    def _tracker(self, folder: Path) -> Tracker:
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        return Tracker(uri, (folder / "mlartifacts").as_uri(), self.plan, "drawn")


def _carelessly(connection: Any, _record: object) -> None:
    """Let SQLite not wait for the disk."""
    connection.execute("PRAGMA synchronous = OFF")


class _Bulk:
    """MLflow's client, but rows of metrics go into the tables of its `database` by themselves."""

    def __init__(self, client: MlflowClient, database: sqlite3.Connection) -> None:
        self.client, self.database = client, database
        _carelessly(database, None)
        database.execute("PRAGMA cache_size = -1000000")  # KiB

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def log_batch(
        self,
        run: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        if params or tags:
            self.client.log_batch(run, params=params, tags=tags)
        rows = [(row.key, row.value, row.timestamp, row.step, run) for row in metrics]
        columns = "(key, value, timestamp, step, run_uuid, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
        for table in ("metrics", "latest_metrics"):  # rows come in the order of their steps
            self.database.executemany(f"INSERT OR REPLACE INTO {table} {columns}", rows)
        self.database.commit()
