"""What a trial costs besides its training: the ledger, Ray Tune and MLflow around trials that do nothing.

Run as: python -m tests.benchmarks.orchestration [TRIALS [STOCK [SIMULATED]]]
        (default 150 12 10000, about ten minutes on an idle machine; make bench)

whole path   `study.driver.run`: ledger and MLflow on SQLite, journals on disk. Its
             trials make five reports with a score for each of 52 languages and end; nothing is trained.
stock        Ray Tune with OptunaSearch on RDB storage (SQLite) and MLflowLoggerCallback: the same reports;
             as documented, and with `reuse_actors`, which kdstudy uses and few would think of.
simulated    The driver's side alone, its trials played by hand, with 2 languages in place of 52 (MLflow alone
             would take its time for those): does a trial cost more after 10,000 others?

Each part is a process of its own, with SQLite as safe as it is by default. All take random search: TPE reads
all former trials of its arm before each proposal, whoever asks it. The rate is that of the last two thirds of
the trials, when workers have been started; closing what MLflow lacks at the end is in it.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from study.trial.progress import Progress

LANGUAGES = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}x" for n in range(52)]
REPORTS = 5
CONCURRENCY = 2
ARMS = {"init": ("random", "base", "teacher"), "depth": (1, 2, 3, 4)}


def no_op(config: dict[str, Any]) -> None:
    """In place of `study.driver.worker.train`: all reports of a trial that trains nothing."""
    from ray import tune

    for number in range(1, REPORTS + 1):
        tune.report({"report": report(number, config["job"].config.learning_rate, LANGUAGES).to_json()})


def report(number: int, rate: float, languages: list[str]) -> Progress:
    """Report `number` of a trial as it would make it; the last has its result."""
    scores = dict.fromkeys(languages, 0.5 + rate + number / 100)
    result = {
        "outcome": "complete",
        "seconds": 1.5,
        "steps": 10 * number,
        "parameters": 1000,
        "test": None,
        "numerics": {"device": "cpu", "threads": 1},
        "other_numerics_of_teacher": {},
        "other_numerics_before": {},
    }
    return Progress(
        report=number,
        time_ms=1_700_000_000_000 + number,
        step=10 * number,
        loss=1 / number,
        seconds=0.1 * number,
        validation={
            "accuracy": {"macro": 0.5 + rate, "worst": 0.5 + rate, "by_language": scores},
            "n": dict.fromkeys(languages, 10),
        },
        result=result if number == REPORTS else None,
    )


class Silent:
    """A view that shows nothing, and remembers when how many trials had ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[float, int]] = []

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)

    def data(self, resolved: Any) -> None:
        """Nothing is shown."""

    def phase(self, text: str) -> None:
        """Nothing is shown."""

    def progress(self, summary: dict[str, Any], reports: dict[str, Progress]) -> None:
        self.ended.append((time.monotonic(), summary["complete"]))

    def rate(self, done: float) -> float:
        """Trials a second from the first third to `done`, the moment at which all was over."""
        last = self.ended[-1][1]
        began, before = next(each for each in self.ended if each[1] >= last / 3)
        return (last - before) / (done - began)


def open_study(
    home: Any,
    trials: int,
    stack: ExitStack,
    urls: dict[str, str] | None = None,
    resources: tuple[int, int, int] = (1, 0, CONCURRENCY),
) -> Any:
    """A study of `trials` trials in twelve arms, with all that its driver has."""
    from study.driver.driven import DrivenStudy
    from study.driver.ray_cluster import Resources
    from study.ledger.study import OpenStudy
    from study.planning.plan import ModelFacts, Plan
    from study.planning.request import Request
    from study.space import Range, SearchSpace
    from study.tracking.outbox import Outbox
    from study.tracking.posts import Posts
    from study.tracking.tracker import Tracker

    space = SearchSpace(
        question="what does a trial cost?",
        scientific=ARMS,
        nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
        trials=max(1, trials // 12),
        confirm_seeds=0,
        reports=REPORTS,
        sampler="random",
    )
    plan = Plan.make("bench", space, "a" * 64, ModelFacts("b" * 64, 6, 1e-3), "", {"space": "bench"})
    home.begin("bench", urls or {})
    study = OpenStudy.at(home, "bench")
    lease = stack.enter_context(study.lease())
    plan = study.ledger.open(plan)
    study.ledger.mend()
    outbox = stack.enter_context(Outbox(lease.holds))
    posts = Posts(outbox, Tracker.of(study), study.folder, study.store)
    return DrivenStudy(study, plan, Request(space="bench"), lease, posts, Resources(*resources), Silent())


def whole_path(trials: int) -> dict[str, Any]:
    """See the module."""
    from cluster.local import CLUSTER as LOCAL
    from study.driver import tune
    from study.driver.ray_cluster import connected
    from study.driver.room import Room
    from study.home import Home
    from study.planning.request import Request

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.enter_context(connected(LOCAL))
        study = open_study(Home(Path(folder)), trials, stack)
        stack.enter_context(mock.patch.object(tune, "train", no_op))
        room = Room(study.resources, Request(space="bench", concurrency=CONCURRENCY), print)
        study.trials("search", study.ledger.ask_search, room)
        assert study.posts.outbox.flush(600)
        return {"trials": study.summary()["complete"], "per_second": study.view.rate(time.monotonic())}


def stock(trials: int, reuse_actors: bool) -> dict[str, Any]:
    """See the module."""
    import optuna
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search.optuna import OptunaSearch

    def trainable(config: dict[str, Any]) -> None:
        for number in range(1, REPORTS + 1):
            scores = (report(number, config["learning_rate"], LANGUAGES).validation or {})["accuracy"]
            each = {f"validation/accuracy/{name}": value for name, value in scores["by_language"].items()}
            tune.report(each | {"macro": scores["macro"], "worst": scores["worst"], "loss": 1 / number})

    with tempfile.TemporaryDirectory() as folder:
        ray.init(address="local", include_dashboard=False, log_to_driver=False)
        logging.getLogger("ray.tune").setLevel(logging.ERROR)  # it warns of its own slowness at each report
        ended: list[float] = []

        class Ended(tune.Callback):
            def on_trial_complete(self, *values: Any, **more: Any) -> None:
                ended.append(time.monotonic())

        storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/optuna.db")
        sampler = optuna.samplers.RandomSampler(seed=0)
        logger = MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder}/mlflow.db", experiment_name="stock")
        tune.Tuner(
            trainable,
            param_space=None,
            tune_config=tune.TuneConfig(
                search_alg=OptunaSearch(
                    {
                        "learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True),
                        "init": optuna.distributions.CategoricalDistribution(ARMS["init"]),
                        "depth": optuna.distributions.CategoricalDistribution(ARMS["depth"]),
                    },
                    metric="macro",
                    mode="max",
                    storage=storage,
                    study_name="stock",
                    sampler=sampler,
                ),
                num_samples=trials,
                max_concurrent_trials=CONCURRENCY,
                reuse_actors=reuse_actors,
            ),
            run_config=tune.RunConfig(
                name="stock", storage_path=folder, verbose=0, callbacks=[logger, Ended()]
            ),
        ).fit()
        ray.shutdown()
        first = len(ended) // 3
        return {
            "trials": len(ended),
            "per_second": (len(ended) - 1 - first) / (ended[-1] - ended[first]),
        }


def simulated(trials: int) -> dict[str, Any]:
    """See the module."""
    from study.driver.lifecycle import Lifecycle
    from study.driver.watch import Watch
    from study.home import Home

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Home(Path(folder))
        study = open_study(home, trials, stack)
        cycle = Lifecycle(study.ledger, study.lease, study.posts, "search", study.ledger.ask_search)
        watch = Watch(study.view, study.plan, cycle)
        before, began = memory(), time.monotonic()
        ended: list[tuple[float, float]] = []  # on the clock, and in seconds of this process's CPU
        while (record := cycle.next()) is not None:
            for number in range(1, REPORTS + 1):
                cycle.report(record.key, 1, report(number, record.config.learning_rate, LANGUAGES[:2]))
                watch()
            cycle.end(record.key)
            watch()
            ended.append((time.monotonic(), time.process_time()))
            if len(ended) % 1000 == 0:
                wall, cpu = _cost(ended, len(ended))
                said = f"{len(ended)} trials, {wall:.3g} ms each, {cpu:.3g} ms of CPU; {memory():.4g} MiB"
                print(said, file=sys.stderr, flush=True)
        assert study.posts.outbox.flush(600)
        seconds = time.monotonic() - began
    (wall, cpu), (wall_at_end, cpu_at_end) = _cost(ended, 150), _cost(ended, len(ended))
    return {
        "trials": len(ended),
        "seconds": seconds,
        "driver_mib": memory(),
        "driver_mib_before": before,
        "ms_at_100": wall,
        "ms_at_end": wall_at_end,
        "growth": wall_at_end / wall,
        "cpu_ms_at_100": cpu,
        "cpu_ms_at_end": cpu_at_end,
        "cpu_growth": cpu_at_end / cpu,
    }


def _cost(ended: list[tuple[float, float]], until: int) -> tuple[float, float]:
    """Milliseconds a trial, on the clock and of CPU, over the 100 trials before the one numbered `until`."""
    last = min(until, len(ended)) - 1
    first = max(0, last - 100)
    wall, cpu = (1000 * (b - a) / (last - first) for a, b in zip(ended[first], ended[last], strict=True))
    return wall, cpu


def memory() -> float:
    """MiB of this process at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "whole path": whole_path,
    "stock": lambda trials: stock(trials, reuse_actors=False),
    "stock, reuse_actors": lambda trials: stock(trials, reuse_actors=True),
    "simulated": simulated,
}


def main(trials: int = 150, stock_trials: int = 12, simulated_trials: int = 10_000) -> None:
    counts = dict(zip(PARTS, (trials, stock_trials, stock_trials, simulated_trials), strict=True))
    found = {}
    for name, count in counts.items():
        command = [sys.executable, "-m", "tests.benchmarks.orchestration", "--part", name, str(count)]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[name] = json.loads(answer.stdout.splitlines()[-1])
        for figure, value in found[name].items():
            print(f"{name:20}  {figure:18}  {value:12.4g}", flush=True)
    folder = Path("bench-results")
    folder.mkdir(exist_ok=True)
    text = json.dumps({"cpus": os.cpu_count(), "parts": found}, indent=1)
    (folder / "orchestration.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        print(json.dumps(PARTS[sys.argv[2]](int(sys.argv[3]))))
    else:
        main(*map(int, sys.argv[1:]))
