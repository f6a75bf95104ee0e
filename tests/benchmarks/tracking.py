"""How fast a study is written to MLflow, and how soon a reader sees a large one.

Run as: python -m tests.benchmarks.tracking [--runs 5000] [--languages 52] [--reports 10]
        (about half an hour; not part of make bench)

stock       Ray's `MLflowLoggerCallback` writes `SAMPLE` trials.
alone       kdstudy writes the same trials, each report by itself, as those of long trials come.
at once     The same, the reports of a trial together, as those of trials of less than a second come.
when large  The same as `alone`, at the end of a study of all runs.
views       Seconds from the link of a saved view to its first chart (for failures: to the first trial), in
            Chromium, on a server that `kdstudy ui` has started; compared with those of a small study.
search      `mlflow.search_runs` of an arm, from the database itself.

All rows of a report are written: accuracy, macro-F1 and retention of each language, macro and worst, and the
loss. Most runs of the large study are written with their metrics in bulk (`large_study.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.large_study import ARMS, NAME, LargeStudy, codes

SAMPLE = 6  # trials in each measurement of a rate
SMALL = 288  # runs of the study that the large one is compared with
LIMITS = {"ratio": 3.0, "view": 10.0, "search": 2.0}
VIEWS = {
    "kdstudy-arms": ".bars .point",
    "kdstudy-curves": ".scatterlayer .trace path.js-line",
    "kdstudy-search": ".parcoords canvas, .par-coords canvas",
    "kdstudy-languages": ".bars .point",
    "kdstudy-failures": '[role="row"] a[href*="/runs/"]',
}
"""View -> what its first chart shows."""


def stock(study: LargeStudy, folder: Path) -> float:
    """Seconds of a report that Ray's callback writes."""
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    from study.tracking.rows import report_rows

    class Trial:
        """What the callback reads of a trial of Tune."""

        def __init__(self, config: dict[str, Any], name: str) -> None:
            self.config, self.name = config, name

        def __str__(self) -> str:
            return self.name

    callback = MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name="stock")
    callback.setup()
    written, seconds = 0, 0.0
    for record in list(study.trials())[:SAMPLE]:
        reports = study.reports_of(record)
        results = [{row.key: row.value for row in report_rows(report)} for report in reports]
        trial, began = Trial(record.config.effective(), record.key[:8]), time.perf_counter()
        callback.log_trial_start(trial)  # type: ignore[arg-type]
        for number, result in enumerate(results, 1):
            callback.log_trial_result(number, trial, result | {"training_iteration": number})  # type: ignore[arg-type]
        callback.log_trial_end(trial)  # type: ignore[arg-type]
        seconds += time.perf_counter() - began
        written += len(reports)
    return seconds / written


def rate(study: LargeStudy, folder: Path, at_once: bool) -> float:
    """Seconds of a report that kdstudy writes."""
    reports, seconds = study.write(folder, list(study.trials())[:SAMPLE], at_once)
    return seconds / reports


def make(study: LargeStudy, folder: Path) -> float:
    """Write the whole study into `folder`; returns the seconds of a report among the last `SAMPLE` trials.

    Most trials are written by a process of its own, because SQLite waits for no disk there.
    """
    trials = list(study.trials())
    shape = (len(trials), len(study.languages), study.reports)
    command = [sys.executable, "-m", "tests.benchmarks.tracking", "--fill", str(folder)]
    options = zip(("--runs", "--languages", "--reports"), shape, strict=True)
    subprocess.run([*command, *(str(word) for pair in options for word in pair)], check=True)
    reports, seconds = study.write(folder, trials[-SAMPLE:], at_once=False)
    study.finish(folder, trials)
    return seconds / reports


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """`kdstudy ui` on the home `folder`; yields the link that it prints for the study."""
    from tests.processes import Kdstudy

    with tempfile.TemporaryDirectory() as beside:
        running = Kdstudy(Path(beside), Path(sys.executable)).start("ui", "--home", folder, "--port", "5963")
        try:
            running.wait_until(lambda: "Application startup complete" in running.stderr())
            yield dict(re.findall(r"^(\S+)  (http://\S+)$", running.stderr(), re.MULTILINE))[NAME]
        finally:
            running.kill()


def time_views(folder: Path) -> dict[str, float]:
    """Seconds to the first chart of each view, each in a page of its own."""
    from tests.browser import Tab, chromium

    found = {}
    with served(folder) as link, chromium() as browser:
        Tab(browser).open(link).locator(VIEWS["kdstudy-arms"]).first.wait_for()  # the scripts are there now
        for view, first in VIEWS.items():
            mode = "&compareRunsMode=CHART" if view == "kdstudy-failures" else ""
            tab, began = Tab(browser), time.perf_counter()
            page = tab.open(link.replace(mode, "").replace("kdstudy-arms", view))
            page.locator(first).first.wait_for(state="attached", timeout=300_000)
            found[view] = time.perf_counter() - began
            page.close()
    return found


def time_search(folder: Path) -> float:
    """Seconds of `mlflow.search_runs` of the first arm, the second time."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    (arm, *_) = mlflow.search_runs(experiment_names=[NAME], filter_string="tags.kdstudy.phase = 'arm'")[
        "tags.kdstudy.arm"
    ]
    for _ in range(2):
        began = time.perf_counter()
        mlflow.search_runs(experiment_names=[NAME], filter_string=f"tags.kdstudy.arm = '{arm}'")
    return time.perf_counter() - began


def main(runs: int, languages: int, reports: int) -> None:
    lines: list[tuple[str, float, str, str]] = []

    def line(what: str, value: float, unit: str, compared: str) -> None:
        lines.append((what, value, unit, compared))
        print(f"{what:22}  {value:9.4g} {unit:12}  {compared}", flush=True)

    def fresh() -> LargeStudy:
        return LargeStudy(runs, codes(languages), reports)

    measures: dict[str, Callable[[Path], float]] = {
        "stock": lambda folder: stock(fresh(), folder),
        "alone": lambda folder: rate(fresh(), folder, at_once=False),
        "at once": lambda folder: rate(fresh(), folder, at_once=True),
    }
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as made:
        for what, measure in measures.items():
            folder = Path(made) / what
            folder.mkdir()
            seconds[what] = measure(folder)
        small, large = (Path(made) / size for size in ("small", "large"))
        for folder in (small, large):
            folder.mkdir()
        few = LargeStudy(SMALL, codes(2), 2)
        few.write(small, every := list(few.trials()))
        few.finish(small, every)
        seconds["when large"] = make(fresh(), large)
        for what, of_report in seconds.items():
            line(what, 1000 * of_report, "ms a report", f"{seconds['stock'] / of_report:.1f} x stock's rate")
        size = (large / "mlflow.db").stat().st_size / 2**20
        line("database", size, "MiB", f"{runs} runs in {ARMS} arms")
        search = time_search(large)
        line("search_runs of an arm", search, "s", f"limit {LIMITS['search']:g} s")
        before, views = time_views(small), time_views(large)
        for view, took in views.items():
            ratio = f"{took / before[view]:.1f} x a study of {len(every)} runs, 2 languages"
            line(view, took, "s", f"limit {LIMITS['view']:g} s; {ratio}")
    results = Path("bench-results")
    results.mkdir(exist_ok=True)
    shape = {"runs": runs, "languages": languages, "reports": reports, "cpus": os.cpu_count()}
    (results / "tracking.json").write_text(json.dumps(shape | {"lines": lines}, indent=1), encoding="utf-8")
    over = [view for view, took in views.items() if took > LIMITS["view"]]
    over += ["search_runs"] * (search > LIMITS["search"])
    over += ["alone"] * (seconds["stock"] < LIMITS["ratio"] * seconds["alone"])
    if over:
        sys.exit(f"tracking: beyond the limits: {', '.join(over)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option, default in (("--runs", 5000), ("--languages", 52), ("--reports", 10)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill:
        whole = LargeStudy(given.runs, codes(given.languages), given.reports)
        whole.write(given.fill, list(whole.trials())[:-SAMPLE], bulk=True)
    else:
        main(given.runs, given.languages, given.reports)
