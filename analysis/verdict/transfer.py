"""Does copying preserve transfer to languages that students are not trained on? (claim C3) In words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.record.formats import margin_text, points, signed
from analysis.statistics.effects.transfer import DIFFERENCE
from analysis.statistics.intervals import ALPHA

__all__ = ["copying_rows", "transfer_in_words"]


def copying_rows(transfer: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The rows of copying in the table `transfer`, by group; empty if there are none.

    Copying is the mean of both parts of claim C1, or the main effect of init if alpha is no factor.
    """
    of_claim = (transfer["factor"] == "copying") & (transfer["kind"] == "mean")
    of_init = (transfer["factor"] == "init") & (transfer["levels"].isin(["teacher - random"]))
    found = transfer[of_claim] if of_claim.any() else transfer[of_init]
    return {str(row["group"]): row for row in found.to_dict("records")}


def transfer_in_words(transfer: pd.DataFrame, margin: float) -> Iterator[str]:
    """One paragraph on copying in seen and in unseen languages; nothing if the study does not ask for it."""
    rows = copying_rows(transfer)
    if not rows:
        return
    seen, unseen, difference = rows["seen"], rows["unseen"], rows[DIFFERENCE]
    yield (
        "In the languages that students are not trained on, copying the teacher's weights changed macro test "
        f"accuracy by {_points(unseen)}; in the languages that they are trained on, by {_points(seen)}. The "
        f"difference is {_points(difference)}: {_verdict(unseen, difference, margin)}."
    )


def _verdict(unseen: dict[str, Any], difference: dict[str, Any], margin: float) -> str:
    if pd.isna(difference["low"]):
        return "with one seed, nothing more can be said"
    if not _shown(unseen):
        return "these runs do not show that copying helps or hurts in unseen languages" + (
            f", and show that it changes them {_more(difference)} seen ones" if _shown(difference) else ""
        )
    did = "helps" if unseen["estimate"] > 0 else "hurts"
    if _shown(difference):
        more = (difference["estimate"] > 0) == (unseen["estimate"] > 0)
        return f"copying {did} in unseen languages, {'more' if more else 'less'} than in seen ones"
    if difference["equivalent_within"] <= margin:
        within = margin_text(margin)
        return f"copying {did} in unseen languages as in seen ones, so it preserves transfer within {within}"
    more_or_less = "these runs do not show whether more or less than in seen ones"
    return f"copying {did} in unseen languages, and {more_or_less}"


def _more(difference: dict[str, Any]) -> str:
    return "more favourably than" if difference["estimate"] > 0 else "less favourably than"


def _shown(row: dict[str, Any]) -> bool:
    return bool(row["p"] < ALPHA)


def _points(row: dict[str, Any]) -> str:
    bounds = "" if pd.isna(row["low"]) else f" [{points(row['low'])}, {points(row['high'])}]"
    return f"{signed(row['estimate'])} points{bounds}"
