"""How fast a study is written to MLflow, and how soon a reader sees a large one.

Run as: python -m tests.benchmarks.tracking [--runs 5000] [--languages 52] [--reports 10]
        (about half an hour; not part of make bench)

stock       Ray's `MLflowLoggerCallback` writes `SAMPLE` trials.
alone       kdstudy writes the same trials, each report by itself, as those of long trials come.
at once     The same, the reports of a trial together, as those of trials of less than a second come.
when large  The same as `alone`, at the end of a study of all runs.
views       Seconds from the link of a saved view to its first chart (for failures: to the first trial), in
            Chromium, on a server that `kdstudy ui` has started; and until no request is under way any more.
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

SAMPLE = 12  # trials in each measurement of a rate
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
