"""Scientific hyperparameters of invented studies."""

from __future__ import annotations

from typing import Any

__all__ = ["CLAIM", "DATA"]

CLAIM: dict[str, Any] = {"init": ("random", "teacher"), "alpha": (0.2, 1.0)}
"""A study that asks claim C1."""

DATA: dict[str, Any] = {"init": ("random", "teacher"), "data_fraction": (0.01, 0.1, 1.0)}
"""A study that asks claim C4."""
