"""A section of the report, before any file format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from analysis.report.tables import Table

__all__ = ["Drawing", "Section"]


@dataclass(frozen=True)
class Drawing:
    """A figure, drawn by `draw`. name: the name of its files. caption: its content in a sentence."""

    name: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Section:
    """Plain text, tables and figures. A section without any of them is left out of the report."""

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = ()
