"""Which parts of a table and of a figure claim a difference. None is shown if the audit has findings."""

from __future__ import annotations

import pandas as pd

from analysis.verdict.results import Results

__all__ = ["NOT_CLAIMED", "allowed", "is_marked"]

CLAIMING = ("p", "p (Holm)", "equal within")
"""Columns that show whether a difference is claimed."""

NOT_CLAIMED = "The audit has findings, so no p value is shown and no difference is marked."


def allowed(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    """`table` without the columns that the report may not show."""
    return table if results.may_claim else table.drop(columns=[c for c in CLAIMING if c in table])


def is_marked(significant: pd.Series, results: Results) -> pd.Series:
    """The rows that a star or a filled mark shows as different from zero."""
    return significant & results.may_claim
