"""Numbers in hundreds of cells: one collection of marks for each digit and place, not one text for each
number.

matplotlib lays out every text separately, several times for each figure. That takes seconds for a heat map of
52 languages. A collection is laid out once.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

__all__ = ["write_numbers"]

FONT = FontProperties(family=["DejaVu Sans"])
DIGIT, POINT, HEIGHT = 0.636, 0.318, 0.73
"""Widths of a digit and of the decimal point in this font, and a digit's height, as shares of the size."""


def write_numbers(
    axes: Axes, middles: np.ndarray, values: np.ndarray, colours: ScalarMappable, size: float = 6.2
) -> None:
    """Writes points of accuracy at `middles` [n, 2] of n cells, black on light colours, white on dark."""
    light = np.asarray(colours.norm(values)) > 0.55
    inks = np.where(light, "black", "white")
    places: dict[tuple[str, float], list[int]] = {}
    for index, value in enumerate(values):
        text = f"{100 * value:.1f}"
        left = -((len(text) - 1) * DIGIT + POINT) / 2
        for char in text:
            places.setdefault((char, round(left, 3)), []).append(index)
            left += POINT if char == "." else DIGIT
    to_inches = axes.get_figure(root=True).dpi_scale_trans  # type: ignore[union-attr]
    for (char, left), found in sorted(places.items()):
        glyph = TextPath((left, -HEIGHT / 2), char, size=1, prop=FONT)
        marks = PathCollection(
            [glyph],
            offsets=middles[found],
            offset_transform=axes.transData,
            facecolors=list(inks[found]),
            linewidths=0,
        )
        marks.set_transform(Affine2D().scale(size / 72) + to_inches)
        marks.set_in_layout(False)
        axes.add_collection(marks, autolim=False)
