"""Sections and drawings in the words of the study's metric (`analysis.record.metric`)."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.record.metric import ACCURACY, in_words
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Table

__all__ = ["worded", "worded_drawing", "worded_table"]


def worded(section: Section, metric: str) -> Section:
    """`section` in the words of `metric`: title, text, tables and drawings."""
    return Section(
        in_words(metric, section.title),
        tuple(in_words(metric, text) for text in section.text),
        tuple(worded_table(table, metric) for table in section.tables),
        tuple(worded_drawing(drawing, metric) for drawing in section.drawings),
    )


def worded_table(table: Table, metric: str) -> Table:
    """`table` in the words of `metric`: title, columns, cells and note."""
    return replace(
        table,
        title=in_words(metric, table.title),
        columns=tuple(in_words(metric, column) for column in table.columns),
        rows=tuple(tuple(in_words(metric, cell) for cell in row) for row in table.rows),
        note=in_words(metric, table.note),
    )


def worded_drawing(drawing: Drawing, metric: str) -> Drawing:
    """`drawing` in the words of `metric`: its caption, and the texts of its figure."""
    if metric == ACCURACY:  # these are its words already
        return drawing

    def draw() -> Figure:
        figure = drawing.draw()
        for text in figure.findobj(Text):
            if (said := in_words(metric, text.get_text())) != text.get_text():
                text.set_text(said)
        return figure

    return replace(drawing, caption=in_words(metric, drawing.caption), draw=draw)
