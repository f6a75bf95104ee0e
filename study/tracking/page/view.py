"""A saved view of MLflow's UI, in the form in which MLflow keeps it.

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

from study.tracking.page.charts import Chart
from study.tracking.page.links import TAG
from study.tracking.rows import LONGEST_TAG

__all__ = ["View", "has_views", "view_tags"]


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
