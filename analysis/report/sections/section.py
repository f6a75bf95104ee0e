"""What a section of the report is, before any file format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from analysis.report.tables import Table

__all__ = ["Drawing", "Section"]


@dataclass(frozen=True)
class Drawing:
    """A figure, drawn when it is asked for; name: of its files; caption: what it shows, in a sentence."""

    name: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Section:
    """Plain text, tables and figures; without any it is left out."""

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = ()
