"""Transfer: an effect in the languages that students are trained on, in the others, and their difference.

Only cells count whose arms were trained on the same languages, and not on all. For such a cell c let S(c) be
its seen languages and U(c) its unseen ones, and w[a] the weights of the contrast's arms:

    seen = mean over cells of sum_a w[a] mean over l in S(c) of y[a, l];    unseen: the same over U(c)

with y the test accuracy. Cells that were trained on other languages have other S and U. Each number is a sum
``sum_al W[a, l] y[a, l]`` with a weight for each arm and language, and so is `unseen - seen`. Its interval is
over seeds and test texts, as those of all effects (`precision.py`).

The tuning's part is that of the effect on macro accuracy, for all three numbers. The shortfall of an arm is
not known for seen and unseen languages apart; if it is the same in both, their difference has no such part,
and the interval is too wide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.effects.contrasts import Contrast, Paired, main_effects
from analysis.statistics.effects.copying import four_arms
from analysis.statistics.effects.precision import interval_for
from analysis.statistics.effects.runs import Factors, Runs, runs_of
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.tuning import Tuning, could_explain, widened
from analysis.statistics.intervals import Array, holm

__all__ = ["DIFFERENCE", "GROUPS", "TRANSFER_COLUMNS", "transfer"]

DIFFERENCE = "unseen - seen"
GROUPS = ("seen", "unseen", DIFFERENCE)
TRANSFER_COLUMNS = [
    *("effect", "kind", "factor", "levels", "group", "estimate", "low", "high", "p", "p_holm", "seeds"),
    *("texts", "languages", "cells", "cells_dropped", "equivalent_within", "averaged_over"),
    *("could_be_tuning", "by_seed"),
]

Unseen = Mapping[str, Collection[str]]
"""By arm: the languages that its students are not trained on. An arm without any has no entry."""


def transfer(
    results: pd.DataFrame,
    factors: Factors,
    unseen: Unseen,
    planned: pd.DataFrame | None = None,
    tuning: Tuning | None = None,
    correct: Correct | None = None,
) -> pd.DataFrame:
    """Copying, distilling and every main effect of the `confirmed` table, in each of `GROUPS`.

    The other arguments and the columns are those of `effects`; group: one of `GROUPS`; languages: how many
    languages the cells have in the group, on average. p_holm: corrected for all effects of one kind and
    group. An effect without a cell of arms that are trained on the same languages has no row.
    """
    if not unseen:
        return pd.DataFrame(columns=TRANSFER_COLUMNS)
    runs = runs_of(results, factors, planned, tuning, correct)
    claims = (four_arms(runs, factors, name) for name in ("copying", "distilling"))
    contrasts = [*(one for one in claims if one is not None), *main_effects(runs, factors)]
    rows = [row for contrast in contrasts for row in _rows(runs, contrast, unseen)]
    table = pd.DataFrame(rows, columns=TRANSFER_COLUMNS)
    for _, index in table.groupby(["kind", "group"], sort=False).groups.items():
        table.loc[index, "p_holm"] = holm(table.loc[index, "p"].to_numpy(dtype=float))
    return table


def _rows(runs: Runs, contrast: Contrast, unseen: Unseen) -> Iterator[dict[str, Any]]:
    shared = list(runs.shared(contrast.arms))
    sight = np.array([[name not in unseen.get(arm, ()) for name in runs.languages] for arm in runs.arms])
    matched = _of_one_sight(contrast, sight[:, shared])
    paired = None if matched is None else matched.paired(runs.values[:, :, shared])
    if matched is None or paired is None:
        return
    variance = runs.tuning_variance(paired.weights)
    for group, weights in _weights(matched, paired, sight, shared).items():
        arms, languages = weights.any(axis=1), weights.any(axis=0)
        values = runs.values[arms][:, paired.seeds][:, :, languages]
        by_seed = np.einsum("al,asl->s", weights[arms][:, languages], values)
        texts = runs.texts.spread_by_language(weights, paired.seeds) if runs.texts else None
        found = widened(interval_for(by_seed, texts), variance)
        yield {
            "effect": contrast.name,
            "kind": contrast.kind,
            "factor": contrast.factor,
            "levels": contrast.levels,
            "group": group,
            "estimate": found.estimate,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "p_holm": np.nan,
            "seeds": found.n,
            "texts": found.texts,
            "languages": _languages(paired, sight[:, shared], group),
            "cells": paired.cells,
            "cells_dropped": paired.dropped,
            "equivalent_within": found.within,
            "averaged_over": ", ".join(contrast.averaged_over(runs, paired)),
            "could_be_tuning": could_explain(variance),
            "by_seed": tuple(map(float, by_seed)),
        }


def _of_one_sight(contrast: Contrast, sight: Any) -> Contrast | None:
    """`contrast` over the cells whose arms saw the same languages, and not all; None if a group has none."""
    groups = []
    for weights, cells in contrast.groups:
        alike = tuple(
            cell
            for cell in cells
            if (sight[list(cell)] == sight[cell[0]]).all() and 0 < sight[cell[0]].sum() < sight.shape[1]
        )
        groups.append((weights, alike))
    return replace(contrast, groups=tuple(groups)) if all(cells for _, cells in groups) else None


def _weights(contrast: Contrast, paired: Paired, sight: Any, shared: list[int]) -> dict[str, Array]:
    """W [arms x languages] of each of `GROUPS`."""
    found = {group: np.zeros(sight.shape) for group in GROUPS}
    there = np.isin(np.arange(sight.shape[1]), shared)
    for (of_arm, _), members in zip(contrast.groups, paired.kept, strict=True):
        for cell in members:
            seen = sight[cell[0]]
            for group, languages in (("seen", seen & there), ("unseen", ~seen & there)):
                share = languages / languages.sum() / len(members)
                found[group][list(cell)] += np.outer(of_arm, share)
    found[DIFFERENCE] = found["unseen"] - found["seen"]
    return found


def _languages(paired: Paired, sight: Any, group: str) -> float:
    """How many languages the cells have in `group`, on average; those of the difference are all."""
    seen = np.array([sight[cell[0]].sum() for cells in paired.kept for cell in cells], dtype=float)
    each = {"seen": seen, "unseen": sight.shape[1] - seen, DIFFERENCE: np.full(len(seen), sight.shape[1])}
    return float(each[group].mean())
