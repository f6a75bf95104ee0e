"""Saved views: what a reader sees of a study in MLflow's UI, one link each.

MLflow's UI keeps a saved view as one tag of the experiment: its name, and the state of the page as compressed
JSON. A view is written here in that form, under an id of ours, so that it is in the UI's menu "Views" and has
a link, and a view that is written again replaces itself. Views that users save have other ids.

The form is that of MLflow 3 (`mlflow/server/js/src/experiment-tracking/components`: `experiment-page/models/
ExperimentPageUIState.tsx`, `runs-charts/runs-charts.types.ts`). A server of another version gets no views.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from study.planning.plan import Plan
from study.tracking.rows import LONGEST_TAG

__all__ = ["FIRST", "View", "view_link", "view_tags", "views_of"]

TAG = "mlflow.sharedViewState."
FIRST = "kdstudy-arms"
"""The id of the view to begin with."""

Chart = dict[str, Any]

CONFIRMED = "tags.kdstudy.phase = 'confirm'"
SEARCHED = "tags.kdstudy.phase = 'search'"
# MLflow's filter has no "or": of the outcomes, failed, diverged and pruned end so.
FAILED = "tags.kdstudy.outcome LIKE '%ed' AND tags.kdstudy.outcome != 'pruned'"
MACRO = "validation/accuracy/macro"


@dataclass(frozen=True)
class View:
    """One saved view. charts: in their order; columns: of the list of runs; by_arm: runs are grouped by arm.

    shown: a regular expression for what the charts show (a metric or a param). The UI adds a chart for every
    other metric, and these charts stay hidden until the reader empties the filter. A view without charts is a
    list of runs.
    """

    id: str
    name: str
    filter: str
    charts: Sequence[Chart] = ()
    shown: str = ""
    columns: Sequence[str] = ()
    by_arm: bool = False
    order: str = "attributes.start_time"
    ascending: bool = False

    @property
    def tag(self) -> str:
        return TAG + self.id


def views_of(plan: Plan, languages: Sequence[str]) -> list[View]:
    """The views of a study, the first one first."""
    languages = sorted(languages)
    varied = [*plan.space.scientific, *plan.space.nuisance]
    params = [f"params.`{name}`" for name in varied]
    arm, outcome = "tags.`kdstudy.arm`", "tags.`kdstudy.outcome`"
    tuned = list(plan.space.nuisance)
    return [
        View(
            FIRST,
            "Arms: test accuracy per language",
            CONFIRMED,
            [_bar(f"test/accuracy/{name}", f"test accuracy, {name}") for name in ("macro", "worst", *languages)],
            "^test/accuracy/",
            [*params, *(f"metrics.`test/accuracy/{name}`" for name in ("macro", "worst"))],
            by_arm=True,
        ),
        View(
            "kdstudy-curves",
            "Learning curves",
            CONFIRMED,
            [
                _line(f"validation/accuracy/{name}", f"validation accuracy, {name}")
                for name in ("macro", "worst")
            ]
            + [_line("loss", "training loss")],
            "^(validation/accuracy/(macro|worst)|loss)$",
            [*params, f"metrics.`{MACRO}`"],
            by_arm=True,
        ),
        View(
            "kdstudy-search",
            "Search: what was tuned",
            SEARCHED,
            [_parallel(varied, "what was tried, and validation accuracy")]
            + [_scatter(name, f"{name} and validation accuracy") for name in tuned],
            f"^({'|'.join(varied)})$",
            [*params, f"metrics.`{MACRO}`"],
            order=f"metrics.`{MACRO}`",
        ),
        View(
            "kdstudy-languages",
            "Languages: worst and retention",
            CONFIRMED,
            [_bar("test/accuracy/worst", "test accuracy, lowest language")]
            + [_bar(f"test/retention/{name}", f"test retention, {name}") for name in ("macro", *languages)],
            "^test/(accuracy/worst|retention/)",
            [*params, *(f"metrics.`test/retention/{name}`" for name in ("macro", "worst"))],
            by_arm=True,
        ),
        View("kdstudy-failures", "Failures", FAILED, columns=[outcome, arm, *params, f"metrics.`{MACRO}`"]),
    ]


def view_tags(views: Sequence[View], created_ms: int) -> dict[str, str]:
    """The tags of an experiment that hold `views`: tag -> value, at most `LONGEST_TAG` characters each.

    A view that is too long for a tag shows fewer charts, and its name says how many. The value of a view
    depends on the view and on `created_ms` alone.
    """
    return {view.tag: _value(view, created_ms) for view in views}


def view_link(url: str, experiment: str, view: str = FIRST) -> str:
    """The link to the view with the id `view` of an experiment, on the server at `url`."""
    mode = "" if view == "kdstudy-failures" else "&compareRunsMode=CHART"
    page = f"{url.rstrip('/')}/#/experiments/{experiment}/runs?workflowType=machine_learning"
    return f"{page}{mode}&viewStateShareKey={view}"


def _value(view: View, created_ms: int) -> str:
    shown = len(view.charts)
    while True:
        cut = "" if shown == len(view.charts) else f" (the first {shown} of {len(view.charts)} charts)"
        state = "deflate;" + b64encode(zlib.compress(_state(view, view.charts[:shown]).encode(), 9)).decode()
        fields = {"name": view.name + cut, "createdAt": created_ms, "updatedAt": created_ms, "state": state}
        text = json.dumps(fields, ensure_ascii=False)
        if len(text) <= LONGEST_TAG or not shown:
            return text
        shown -= 1


def _state(view: View, charts: Sequence[Chart]) -> str:
    section = {"uuid": view.id, "name": view.name, "display": True, "isReordered": True, "deleted": False}
    group = {
        "aggregateFunction": "average",
        "groupByKeys": [{"mode": "tag", "groupByData": "kdstudy.arm"}],
    }
    state = {
        "searchFilter": view.filter,
        "orderByKey": view.order,
        "orderByAsc": view.ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(view.columns),
        "columnOrder": [],
        "columnWidths": {},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [
            {"uuid": str(number), "metricSectionId": view.id, "deleted": False, "isGenerated": False, **chart}
            for number, chart in enumerate(charts)
        ],
        "compareRunSections": [section] if charts else [],
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,
        "autoRefreshEnabled": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": group if view.by_arm else None,
        "groupsExpanded": {},
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
    if charts:
        state["chartsSearchFilter"] = view.shown
    return json.dumps(state, separators=(",", ":"))


def _bar(metric: str, title: str) -> Chart:
    return {"type": "BAR", "metricKey": metric, "displayName": title, "runsCountToCompare": 500}


def _line(metric: str, title: str) -> Chart:
    return {
        "type": "LINE",
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "displayName": title,
        "runsCountToCompare": 500,
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


def _parallel(params: Sequence[str], title: str) -> Chart:
    return {
        "type": "PARALLEL",
        "displayName": title,
        "selectedParams": list(params),
        "selectedMetrics": [MACRO],
        "showAllRuns": True,
        "runsCountToCompare": 500,
    }


def _scatter(param: str, title: str) -> Chart:
    return {
        "type": "SCATTER",
        "displayName": title,
        "xaxis": {"key": param, "type": "PARAM"},
        "yaxis": {"key": MACRO, "type": "METRIC"},
        "runsCountToCompare": 500,
    }
