"""The look of all figures, and how a figure becomes the same two files each time.

Figures are made without pyplot, so drawing has no global state. The settings are the defaults of matplotlib
and the settings below; a matplotlibrc of the user changes nothing. Text is drawn as outlines of the font that
comes with matplotlib, so a figure looks the same everywhere, also offline.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.style
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import PercentFormatter

__all__ = [
    "PALETTE",
    "POINTS",
    "SEED",
    "SIZE",
    "WIDTH",
    "inline_svg",
    "label",
    "labels",
    "legend_below",
    "look",
    "new_figure",
    "save",
    "save_png",
    "styled",
]

WIDTH = 7.0
"""Inches: the text width of an A4 page with margins of 16 mm. On the screen, figures scale."""

SIZE = 8.0
"""Points of ordinary text."""

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""The colours of Okabe and Ito for all kinds of colour vision, without the yellow, faint on white."""

POINTS = PercentFormatter(1.0, symbol="")
"""Shares of 1 as points of accuracy, on an axis."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2, 2, 2)))

SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": SIZE,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": SIZE,
    "figure.dpi": 100,
    "font.family": "DejaVu Sans",
    "font.size": SIZE,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.5,
    "legend.fontsize": SIZE - 0.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    "svg.fonttype": "path",
    "svg.hashsalt": "kdstudy",
    "text.hinting": "no_hinting",  # with hints, widths depend on the resolution: two files, two layouts
    "text.parse_math": False,
    "xtick.labelsize": SIZE - 0.5,
    "ytick.labelsize": SIZE - 0.5,
}

SEED: dict[str, Any] = {"marker": "o", "s": 8, "linewidth": 0, "alpha": 0.55, "zorder": 2}
"""The look of the dot of one confirm seed, beside its colour."""

styled = matplotlib.style.context(["default", SETTINGS])
"""A decorator for every function that draws."""


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of this size in inches. Its parts do not overlap."""
    return Figure(figsize=(width, height), layout="constrained")


def look(index: int) -> dict[str, Any]:
    """Colour, marker and line style of the series `index`: two series never differ in colour alone.

    Any two of forty series in a row differ in at least one of the three.
    """
    return {
        "color": PALETTE[index % len(PALETTE)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index % len(DASHES)],
    }


def label(text: object, width: int = 28, lines: int = 2) -> str:
    """`text` in at most `lines` lines of `width` characters. An ellipsis stands for a part that is cut out.

    A character that the font lacks is written as its number, so that two such names still differ.
    """
    shown = "".join(c if ord(c) in _glyphs() else f"<{ord(c):X}>" for c in " ".join(str(text).split()))
    room = width * lines
    if len(shown) > room:
        shown = f"{shown[: room // 2]}…{shown[-(room // 2 - lines) :]}"
    return (
        "\n".join(textwrap.wrap(shown, width, max_lines=lines, placeholder="…", break_on_hyphens=False))
        or "-"
    )


def labels(texts: Iterable[object], width: int = 28, lines: int = 2) -> list[str]:
    """The label of each text. Labels that became equal by cutting are numbered."""
    made = [label(text, width, lines) for text in texts]
    return [f"{text} ({number})" if made.count(text) > 1 else text for number, text in enumerate(made, 1)]


def legend_below(figure: Figure, axes: Sequence[Axes], title: str) -> None:
    """Draws one legend for all `axes`, below them. A name of several series appears once."""
    found = {
        text: handle for each in axes for handle, text in zip(*each.get_legend_handles_labels(), strict=True)
    }
    if found:
        room = int(110 * figure.get_figwidth() / WIDTH)  # letters
        columns = max(1, min(len(found), room // (max(map(len, found)) + 8)))
        figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns, title=title)


@styled
def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Writes `name.svg` and `name.png`: the same bytes for the same figure, without date or program."""
    folder.mkdir(parents=True, exist_ok=True)
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    save_png(figure, png)  # first: the parts stay where the layout has put them
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return [svg, png]


@styled
def save_png(figure: Figure, path: Path) -> None:
    """Writes the figure as the one file `path`: the same bytes for the same figure."""
    if (layout := figure.get_layout_engine()) is not None:
        layout.execute(figure)  # and no second time, while the figure is drawn
        figure.set_layout_engine(None)
    figure.savefig(path, format="png", metadata={"Software": None})


def inline_svg(svg: str, name: str, description: str) -> str:
    """A matplotlib SVG as an element of a page that holds other figures too.

    Identifiers get the name of the figure, so that they stay unique. The size is a share of the width of the
    page.
    """
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\sid="([^"]+)"', rf' id="{name}-\1"', body)
    body = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    head, _, rest = body.partition(">")
    box = re.search(r'viewBox="0 0 ([\d.]+) [\d.]+"', head)
    assert box is not None
    share = min(100.0, 100 * float(box[1]) / (72 * WIDTH))
    opening = f'<svg {box.group()} role="img" aria-label="{escape(description)}" style="width: {share:.0f}%">'
    return opening + re.sub(r"<!--.*?-->\s*", "", rest, flags=re.DOTALL)


@cache
def _glyphs() -> frozenset[int]:
    font: Any = get_font(findfont(FontProperties(family=["DejaVu Sans"])))
    return frozenset(font.get_charmap())
