"""Strata: what data fractions keep in proportion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.trial.data.tags import type_ids
from study.trial.data.task import Split

__all__ = ["strata_of"]


def strata_of(split: Split, labels: Sequence[str]) -> np.ndarray:
    """The stratum of each text of `split`, n ids: data fractions keep the strata in proportion.

    In a text task the stratum is the label. In a token task it is the rarest of the tag types that the text
    has: the type that the fewest texts of its language have. Texts without an entity are a stratum.
    """
    if split.starts is None:
        return split.labels
    kinds = type_ids(labels)
    text = np.repeat(np.arange(len(split)), np.diff(split.starts))
    has = np.zeros((len(split), int(kinds.max(initial=-1)) + 2), dtype=bool)  # the last column: outside
    has[text, kinds[split.labels]] = True
    has[:, -1] = False
    strata = np.full(len(split), has.shape[1] - 1, dtype=np.int64)
    for language in np.unique(split.languages):
        rows = np.flatnonzero(split.languages == language)
        counts = has[rows].sum(axis=0)
        by_count = np.argsort(counts, kind="stable")
        rarest = by_count[has[rows][:, by_count].argmax(axis=1)]
        strata[rows] = np.where(has[rows].any(axis=1), rarest, has.shape[1] - 1)
    return strata
