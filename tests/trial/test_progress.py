"""A report: whole on the other side of JSON, as worker, driver and journal pass it on."""

from __future__ import annotations

import json
from dataclasses import asdict

from study.trial.progress import Progress

SCORES = {"accuracy": {"macro": 1 / 3, "worst": 0.1, "by_language": {"de": 0.1}}, "n": {"de": 7}}


def test_a_report_is_the_same_after_json() -> None:
    for report in (
        Progress(1, 10, 0.1 + 0.2, 1e-9, 1_700_000_000_000, SCORES),
        Progress(2, 20, None, 2.0, 5, None, {"outcome": "diverged", "test": None}),
    ):
        assert Progress(**json.loads(json.dumps(asdict(report)))) == report
