"""Where the wall stands: one driver, 400 trials at once, and what each trial costs the driver.

Run as: python -m tests.benchmarks.wall [TRIALS [AT_ONCE]]   (default 2000 400, some minutes; make bench)

Trials that train nothing make five reports with a score for each of 52 languages, through everything that a
driver has: ledger and MLflow on SQLite, journals on disk, the lease. They are played by hand, because 400
workers of Ray do not fit into a small machine; Ray Tune's own share of a trial is measured beside it, with
as many real workers as a small machine bears (`orchestration.py`, whole path).

Of the driver's CPU, the ledger, MLflow (a thread of its own) and the rest are told apart. From this follows
how many ends a second one driver bears, and so how many GPUs at a given length of trials.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tests.benchmarks.orchestration import LANGUAGES, REPORTS, memory, open_study, report

SECONDS = 60.0
"""How long a trial of the question takes: 400 of them end 6.7 times a second."""


class Shares:
    """CPU seconds of the driver's main thread, by what it was spent on."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._within: list[str] = []

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        began, before = time.thread_time(), sum(self.spent.values())
        yield
        own = time.thread_time() - began - (sum(self.spent.values()) - before)
        self.spent[what] += own

    def wrap(self, stack: ExitStack, owner: Any, name: str, what: str) -> None:
        original = getattr(owner, name)

        def timed(*values: Any, **more: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return original(*values, **more)
            with self.of(what):
                return original(*values, **more)

        stack.enter_context(mock.patch.object(owner, name, timed))


def play(trials: int, at_once: int) -> dict[str, Any]:
    """Play `trials` trials, `at_once` of them at any time, as fast as the driver bears."""
    from study.driver.lifecycle import Lifecycle
    from study.driver.watch import Watch
    from study.home import Home
    from study.ledger.ledger import Ledger
    from study.tracking.journal import Journal
    from study.tracking.outbox import Outbox

    shares, of_outbox = Shares(), [0.0]
    work = Outbox._work

    def timed(self: Outbox) -> None:
        work(self)
        of_outbox[0] = time.thread_time()

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.enter_context(mock.patch.object(Outbox, "_work", timed))
        study = open_study(Home(Path(folder)), trials, stack)
        ask = lambda: study.ledger.ask_search()  # noqa: E731 (found anew at each call, because it is timed)
        cycle = Lifecycle(study.ledger, study.lease, study.posts, "search", ask)
        watch = Watch(study.view, study.plan, cycle)
        for name in ("ask_search", "begin_attempt", "report", "tell_all"):
            shares.wrap(stack, Ledger, name, "ledger")
        shares.wrap(stack, Journal, "add", "journal")
        shares.wrap(stack, study.posts, "progress", "view")
        running: deque[tuple[str, float, int]] = deque()
        before, longest, began_cpu, began = memory(), 0.0, time.thread_time(), time.monotonic()
        made = 0
        while True:
            while len(cycle.running) < at_once and (record := cycle.next()) is not None:
                running.append((record.key, record.config.learning_rate, 0))
            if not running:
                if not cycle.has_next():
                    break
                continue
            step = time.monotonic()
            key, rate, reports = running.popleft()
            cycle.report(key, cycle.attempts[key], report(reports + 1, rate, LANGUAGES))
            if reports + 1 == REPORTS:
                cycle.end(key)
                made += 1
            else:
                running.append((key, rate, reports + 1))
            cycle.close_ended()
            watch()
            longest = max(longest, time.monotonic() - step)
        assert study.posts.outbox.flush(600)
        seconds, cpu = time.monotonic() - began, time.thread_time() - began_cpu
        study.posts.outbox.__exit__()
    found = {f"{what}_ms": 1000 * spent / made for what, spent in sorted(shares.spent.items())}
    rest = cpu - sum(shares.spent.values())
    driver = 1000 * (cpu + of_outbox[0]) / made
    return found | {
        "rest_ms": 1000 * rest / made,
        "mlflow_ms": 1000 * of_outbox[0] / made,
        "driver_ms": driver,
        "trials": made,
        "trials_a_second": made / seconds,
        "longest_step_ms": 1000 * longest,
        "memory_mib": memory() - before,
        "ends_a_second_of_one_core": 1000 / driver,
    }


def main(trials: int = 2000, at_once: int = 400) -> None:
    found = play(trials, at_once)
    for figure, value in found.items():
        print(f"{figure:28}  {value:10.4g}", flush=True)
    wanted = at_once / SECONDS
    print(f"{at_once} trials of {SECONDS:g} s end {wanted:.3g} times a second")
    folder = Path("bench-results")
    folder.mkdir(exist_ok=True)
    (folder / "wall.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
