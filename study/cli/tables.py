"""Tables that the command line prints: aligned, plain, the same numbers as `--json`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from study.cli.cost import Cost, Time

__all__ = ["cost_lines", "frame_table", "listing", "memory_line", "scores_table", "status_table"]


def listing(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> Table:
    """A plain table; numbers to the right. Missing values are a dash."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = all(row[index] is None or isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def status_table(summary: Mapping[str, Any]) -> Table:
    """A study's counts, arm by arm."""
    counts = ("planned", "complete", "pruned", "diverged", "failed", "running", "waiting")
    rows = [
        [arm["arm"], *(arm[c] for c in counts), arm["best"]["value"] if arm["best"] else None]
        for arm in summary["arms"]
    ]
    rows.append(["all", *(summary[c] for c in counts), summary["best"]["value"] if summary["best"] else None])
    return listing(["arm", *counts, "best"], rows, f"study {summary['name']}")


def frame_table(frame: pd.DataFrame, title: str) -> Table:
    """A data frame as it is."""
    columns = [str(column).replace(" ", "\n") for column in frame.columns]  # arms have long names
    return listing(columns, frame.astype(object).values.tolist(), title)


def scores_table(result: Mapping[str, Any]) -> Table:
    """One trial's scores: languages x (accuracy, macro-F1, retention) of validation and test."""
    columns = ["language"]
    rows: dict[str, dict[str, float | None]] = {}
    for split in ("validation", "test"):
        scores = result[split]
        if scores is None:
            continue
        for metric in ("accuracy", "macro_f1", "retention"):
            columns.append(f"{split} {metric.replace('_f1', '-F1')}")
            values = scores[metric]
            flat = values["by_language"] | {"macro": values["macro"], "worst": values["worst"]}
            for name, value in flat.items():
                rows.setdefault(name, {})[columns[-1]] = value
    names = sorted(set(rows) - {"macro", "worst"}) + [n for n in ("macro", "worst") if n in rows]
    return listing(columns, [[name, *(rows[name].get(c) for c in columns[1:])] for name in names])


def cost_lines(cost: Cost, time: Time | None, at_once: int | None) -> Iterator[str]:
    """What a plan says of its cost; of time too, once trials have ended."""
    yield f"{cost.trials} trials, {cost.steps} trial-steps in all"
    if cost.teachers:
        plural = "s" if cost.teachers > 1 else ""
        yield f"{cost.teachers} teacher{plural}, {cost.teacher_steps} steps"
    if time is not None:
        together = f", {at_once} at once: {time.left / at_once:.1f} hours" if at_once and at_once > 1 else ""
        yield (
            f"time: {time.hours:.1f} hours of trials, {time.left:.1f} of them left{together} "
            f"(judged from {time.measured})"
        )


def memory_line(memory: Mapping[str, Any]) -> str:
    """What a plan says of memory, in one line."""
    cpu, gpu = (f"{memory[device] / 2**30:.1f} GiB" for device in ("cpu", "gpu"))
    if memory["where"] is None:
        return (
            f"memory of a trial: up to {cpu} on a CPU, about {gpu} of a GPU; how many fit, the cluster tells"
        )
    takes = f"up to {cpu}" if memory["where"] == "cpu" else f"about {gpu} of a GPU"
    there = "" if memory["of"] is None else f" ({memory['of'] / 2**30:.1f} GiB)"
    return f"memory of a trial: {takes}; {memory['at_once']} at once on this machine{there}"


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
