"""How a study is shown while it runs, on stderr: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from study.cli.counts import print_counts
from study.trial.progress import Progress

if TYPE_CHECKING:
    from study.planning.resolve import Resolved

__all__ = ["LineView", "LiveView", "view_for"]


def view_for(console: Console) -> LiveView | LineView:
    """The view for `console`: live on a terminal that can redraw its lines, else line by line."""
    redraws = console.is_terminal and not console.is_dumb_terminal
    return LiveView(console) if redraws else LineView(console)


class LineView:
    """One line for each trial that ended, for logs."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.clock = _Clock()
        self._ended = -1

    def __enter__(self) -> LineView:
        return self

    def __exit__(self, *exception: object) -> None:
        """There is nothing to close."""

    def note(self, text: str) -> None:
        self._print(f"note: {text}")

    def data(self, resolved: Resolved) -> None:
        _show_data(self, resolved, self.console)

    def phase(self, text: str) -> None:
        self._print(f"[{_duration(self.clock.elapsed())}] {text}")

    def progress(self, summary: dict[str, Any], reports: dict[str, Progress]) -> None:
        ended = _ended(summary)
        self.clock.count(ended)
        if ended == self._ended:
            return
        self._ended = ended
        best = summary["best"]
        shown = f", best {best['value']:.3f} ({best['arm']})" if best else ""
        left = self.clock.left(summary)
        when = f", {_duration(left)} left" if left else ""
        self._print(
            f"[{_duration(self.clock.elapsed())}] {ended}/{summary['planned']} done, "
            f"{summary['running']} running, {summary['failed']} failed{shown}{when}"
        )

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """Counts, time left, the best score of each arm, and the last reports of running trials, in place."""

    def __init__(self, console: Console) -> None:
        self.clock = _Clock()
        self._phase = ""
        self._summary: dict[str, Any] | None = None
        self._reports: dict[str, Progress] = {}
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._render, transient=True)

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, value, trace)

    def note(self, text: str) -> None:
        self._live.console.print(f"note: {text}", markup=False, highlight=False, soft_wrap=True)

    def data(self, resolved: Resolved) -> None:
        _show_data(self, resolved, self._live.console)

    def phase(self, text: str) -> None:
        self._phase = text

    def progress(self, summary: dict[str, Any], reports: dict[str, Progress]) -> None:
        self.clock.count(_ended(summary))
        self._summary, self._reports = summary, dict(reports)

    def _render(self) -> RenderableType:
        head = Text.assemble((self._phase, "bold"), f"  {_duration(self.clock.elapsed())}")
        if (summary := self._summary) is None:
            return head
        ended = _ended(summary)
        left = self.clock.left(summary)
        counts = (
            f"{ended}/{summary['planned']} done  {summary['running']} running  "
            f"{summary['pruned']} pruned  {summary['diverged']} diverged  {summary['failed']} failed"
            + (f"  about {_duration(left)} left" if left else "")
        )
        bar = ProgressBar(total=max(1, summary["planned"]), completed=ended, width=60)
        arms = Table("arm", "done", "best", box=None, pad_edge=False)
        for arm in summary["arms"]:
            best = f"{arm['best']['value']:.3f}" if arm["best"] else "-"
            arms.add_row(arm["arm"], f"{_ended(arm)}/{arm['planned']}", best)
        running = Table("running", "step", "loss", "macro", box=None, pad_edge=False)
        for key, report in list(self._reports.items())[:8]:
            loss = "-" if report.loss is None else f"{report.loss:.3f}"
            macro = "-" if report.value is None else f"{report.value:.3f}"
            running.add_row(key[:8], str(report.step), loss, macro)
        # the padding ends the bar's line, which the bar itself leaves open
        return Group(head, Padding(bar, (0, 0)), Text(counts), arms, *([running] if self._reports else []))


def _show_data(view: LiveView | LineView, resolved: Resolved, console: Console) -> None:
    """The data of a study that begins, counted, and the notes that are not the task's own."""
    print_counts(resolved, console)
    for text in resolved.findings:  # the task's own notes have been shown
        view.note(text)


class _Clock:
    """Elapsed time, and the time left, judged from the trials that ended while this process watched."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._last = (self.started, 0)

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def count(self, ended: int) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = (now, ended)
        self._last = (now, ended)

    def left(self, summary: dict[str, Any]) -> float | None:
        if self._first is None or self._last[1] <= self._first[1]:
            return None
        pace = (self._last[0] - self._first[0]) / (self._last[1] - self._first[1])
        expected: float = pace * (summary["planned"] - self._last[1])
        return max(0.0, expected - (time.monotonic() - self._last[0]))


def _ended(counts: dict[str, Any]) -> int:
    return sum(counts[outcome] for outcome in ("complete", "pruned", "diverged", "failed"))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
