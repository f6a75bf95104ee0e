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
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from study.planning.plan import Plan
from study.tracking.page.links import FIRST, LIST, TAG
from study.tracking.rows import BEST, LONGEST_TAG

__all__ = ["View", "has_views", "view_tags", "views_of"]

Chart = dict[str, Any]

ARMS = "tags.kdstudy.phase = 'arm'"
CONFIRMED = "tags.kdstudy.phase = 'confirm'"
SEARCHED = "tags.kdstudy.phase = 'search'"
# MLflow's filter has no "or": of the outcomes, failed, diverged and pruned end so.
FAILED = "tags.kdstudy.outcome LIKE '%ed' AND tags.kdstudy.outcome != 'pruned'"
MACRO = "validation/accuracy/macro"
DONE = "progress/ended"
MOST_RUNS = 500
"""More runs than this are not drawn by the UI in any case."""


@dataclass(frozen=True)
class View:
    """One saved view. charts: in their order; columns: of the list of runs; group: the tag that groups runs.

    in_a_row: so many charts, that their titles can be read. height: of a chart, in pixels.

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
    in_a_row: int = 2
    height: int = 360
    group: str = ""
    order: str = "attributes.start_time"
    ascending: bool = False

    @property
    def tag(self) -> str:
        return TAG + self.id


def views_of(plan: Plan, languages: Sequence[str]) -> list[View]:
    """The views of a study, the first one first.

    The numbers of arms stand in the arms' own runs, so their views show few runs, however many trials there
    are. Learning curves are those of confirm runs, grouped by arm.
    """
    languages = sorted(languages)
    varied = [*plan.space.scientific, *plan.space.nuisance]
    params = [f"params.`{name}`" for name in varied]
    of_arms = [f"params.`{name}`" for name in plan.space.scientific]
    accuracy = ["test/accuracy/macro", "test/accuracy/worst", *(f"test/accuracy/{n}" for n in languages)]
    retention = ["test/accuracy/worst", "test/retention/macro", *(f"test/retention/{n}" for n in languages)]
    macro = f"metrics.`{MACRO}`"
    return [
        View(
            FIRST,
            "Arms: test accuracy per language",
            ARMS,
            [_bar(metric) for metric in (accuracy[0], BEST, *accuracy[1:])],
            f"^(test/accuracy/|{BEST}$)",
            [*of_arms, *(f"metrics.`{metric}`" for metric in (*accuracy[:2], BEST, DONE))],
            order="tags.`mlflow.runName`",
            ascending=True,
        ),
        View(
            "kdstudy-curves",
            "Learning curves",
            CONFIRMED,
            [_line(MACRO), _line("validation/accuracy/worst"), _line("loss")],
            "^(validation/accuracy/(macro|worst)|loss)$",
            [*params, macro],
            in_a_row=1,
            height=640,  # the UI reads the histories of the charts in sight: the fewer, the sooner
            group="kdstudy.arm",
        ),
        View(
            "kdstudy-search",
            "Search: what was tuned",
            SEARCHED,
            [_parallel(varied), *(_scatter(name) for name in plan.space.nuisance)],
            f"^({'|'.join(varied)})$",
            [*params, macro],
            in_a_row=1,
            order=macro,
        ),
        View(
            "kdstudy-languages",
            "Languages: worst and retention",
            ARMS,
            [_bar(metric) for metric in retention],
            "^test/(accuracy/worst|retention/)",
            [*of_arms, *(f"metrics.`{metric}`" for metric in retention[:2])],
            order="tags.`mlflow.runName`",
            ascending=True,
        ),
        View(
            LIST,
            "Failures",
            FAILED,
            columns=["tags.`kdstudy.why`", "tags.`kdstudy.arm`", macro],
            group="kdstudy.outcome",  # without groups, the UI hides trials in the closed runs of their arms
        ),
    ]


def has_views(version: str) -> bool:
    """Whether a server of this version keeps saved views in the form that is written here."""
    return version.split(".")[0] == "3"


def view_tags(views: Sequence[View], created_ms: int) -> dict[str, str]:
    """The tags of an experiment that hold `views`: tag -> value, at most `LONGEST_TAG` characters each.

    A view that is too long for a tag shows fewer charts, and its name says how many. The value of a view
    depends on the view and on `created_ms` alone.
    """
    return {view.tag: _value(view, created_ms) for view in views}


def _value(view: View, created_ms: int) -> str:
    every = len(view.charts)
    if len(text := _with_charts(view, created_ms, every)) <= LONGEST_TAG:
        return text
    lengths = range(every)
    shown = bisect_right(lengths, LONGEST_TAG, key=lambda n: len(_with_charts(view, created_ms, n))) - 1
    return _with_charts(view, created_ms, max(shown, 0))


def _with_charts(view: View, created_ms: int, shown: int) -> str:
    """The value of a view that shows its first charts."""
    every = len(view.charts)
    cut = "" if shown == every else f" (the first {shown} of {every} charts)"
    packed = zlib.compress(_state(view, view.charts[:shown]).encode(), 9)
    fields = {"name": view.name + cut, "createdAt": created_ms, "updatedAt": created_ms}
    return json.dumps(fields | {"state": f"deflate;{b64encode(packed).decode()}"}, ensure_ascii=False)


def _state(view: View, charts: Sequence[Chart]) -> str:
    section = {
        "uuid": view.id,
        "name": view.name,
        "display": True,
        "isReordered": True,
        "deleted": False,
        "columns": view.in_a_row,
        "cardHeight": view.height,
    }
    group = {
        "aggregateFunction": "average",
        "groupByKeys": [{"mode": "tag", "groupByData": view.group}],
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
        "groupBy": group if view.group else None,
        "groupsExpanded": {},
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
    if charts:
        state["chartsSearchFilter"] = view.shown
    return json.dumps(state, separators=(",", ":"))


def _bar(metric: str) -> Chart:
    return {"type": "BAR", "metricKey": metric, "runsCountToCompare": MOST_RUNS}


def _line(metric: str) -> Chart:
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


def _parallel(params: Sequence[str]) -> Chart:
    return {
        "type": "PARALLEL",
        "selectedParams": list(params),
        "selectedMetrics": [MACRO],
        "showAllRuns": True,
        "runsCountToCompare": MOST_RUNS,
    }


def _scatter(param: str) -> Chart:
    return {
        "type": "SCATTER",
        "xaxis": {"key": param, "type": "PARAM"},
        "yaxis": {"key": MACRO, "type": "METRIC"},
        "runsCountToCompare": MOST_RUNS,
    }
