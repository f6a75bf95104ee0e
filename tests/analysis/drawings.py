"""Tables to draw, and what a drawing shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

__all__ = ["accuracies", "curves", "drawn", "texts"]


def accuracies(languages: tuple[str, ...], arms: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    index = [*languages, "macro", "worst"]
    return pd.DataFrame(rng.uniform(0.2, 0.9, (len(index), arms)), index, [f"arm {n}" for n in range(arms)])


def curves(panels: int = 1, seeds: int = 4) -> pd.DataFrame:
    rows = [
        {"panel": f"alpha={panel}", "line": line, "x": x, "mean": 0.5 + x / 10, "low": 0.4, "high": 0.9}
        for panel in range(panels)
        for line in ("init=random", "init=teacher")
        for x in (0.01, 0.1, 1.0)
    ]
    return pd.DataFrame(rows)


def texts(figure: Figure) -> list[str]:
    return [
        t.get_text() for t in figure.findobj(Text) if isinstance(t, Text) and t.get_text() and t.get_visible()
    ]


def drawn(monkeypatch: pytest.MonkeyPatch, module: Any, figure: str, section: Any) -> pd.DataFrame:
    """The table that the section's one drawing gives to `figure`."""
    tables: list[pd.DataFrame] = []
    monkeypatch.setattr(module, figure, lambda table, *texts: tables.append(table))
    (drawing,) = section.drawings
    drawing.draw()
    return tables[0]
