"""Charts of MLflow's UI, as a saved view holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

__all__ = ["MOST_RUNS", "Chart", "bar", "line", "macro_of", "parallel", "scatter"]

Chart = dict[str, Any]

MOST_RUNS = 500
"""More runs than this are not drawn by the UI in any case."""


def bar(metric: str, name: str = "") -> Chart:
    """A bar for each run. name: the title of the chart, if it is not the metric's."""
    chart: Chart = {"type": "BAR", "metricKey": metric, "runsCountToCompare": MOST_RUNS}
    return chart | ({"displayName": name} if name else {})


def line(metric: str) -> Chart:
    """The history of a metric, a line for each run."""
    return {
        "type": "LINE",
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "runsCountToCompare": MOST_RUNS,
        "xAxisKey": "step",
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
        "lineSmoothness": 0,
        "scaleType": "linear",
        "xAxisScaleType": "linear",
        "selectedXAxisMetricKey": "",
        "range": {},
        "ignoreOutliers": False,
    }


def macro_of(metric: str) -> str:
    """The mean over languages on validation of what trials are compared by."""
    return f"validation/{metric}/macro"


def parallel(params: Sequence[str], metric: str) -> Chart:
    """A line for each run through the values of `params`, to a metric."""
    return {
        "type": "PARALLEL",
        "selectedParams": list(params),
        "selectedMetrics": [metric],
        "showAllRuns": True,
        "runsCountToCompare": MOST_RUNS,
    }


def scatter(x: str, metric: str, of: Literal["PARAM", "METRIC"] = "PARAM") -> Chart:
    """A dot for each run: a metric against a param, or against another metric."""
    return {
        "type": "SCATTER",
        "xaxis": {"key": x, "type": of},
        "yaxis": {"key": metric, "type": "METRIC"},
        "runsCountToCompare": MOST_RUNS,
    }
