"""Data fractions: which training rows the student sees at 1%, 10%, ... of the data.

Every language has one fixed order of its rows, and a fraction takes the first rows of that order. So the
samples are nested by construction (every row of the 5% is in the 10%), however they are rounded, and fraction
1 takes all rows. The order is stratified: it begins with one row of each label, and goes on so that the first
m rows have the labels in the language's own proportions, for every m (the Sainte-Laguë rule: row r of a label
with n rows has the place (r + 1/2) / n).

So a fraction is a request: a language with many labels and few rows keeps more than the fraction, because it
keeps one row of each label. `sample_sizes` has the rows that a fraction comes to. With a label floor of 0 no
label is sure of a row: a language keeps the fraction, and rare labels may have no row.
"""

from __future__ import annotations

import numpy as np

from study.streams import generator

__all__ = ["sample_rows", "sample_sizes"]


def sample_rows(
    labels: np.ndarray, languages: np.ndarray, fraction: float, task: str, data_seed: int, floor: int = 1
) -> np.ndarray:
    """Sorted indices (int64) of the rows that `fraction` of the training data keeps.

    labels, languages: n class ids and n language ids, as in `Split`; task: the task's fingerprint.
    A language with n rows and k labels keeps max(floor * k, n * fraction to the nearest whole number) rows.
    The rows depend on the task, the fraction, the floor and `data_seed` alone. Samples of one floor are
    nested.

    Raises:
        ValueError: if the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"a data fraction lies in (0, 1], not at {fraction!r}")
    rows = len(labels)
    # Raw bits, not `permutation`: raw bits stay the same from one NumPy version to the next.
    lot = generator(data_seed, "data fraction", task).bit_generator.random_raw(rows)

    cells = languages.astype(np.int64) * (labels.max(initial=0) + 1) + labels
    order = np.lexsort((lot, cells))
    rank, size = _rank_in_runs(cells[order])
    priority = np.where(rank < floor, 0.0, (rank + 0.5) / size)

    language = languages[order]
    ranking = np.lexsort((lot[order], priority, language))
    position, _ = _rank_in_runs(language[ranking])
    take = sample_sizes(labels, languages, fraction, floor)[language[ranking]]
    return np.sort(order[ranking[position < take]]).astype(np.int64)


def sample_sizes(labels: np.ndarray, languages: np.ndarray, fraction: float, floor: int = 1) -> np.ndarray:
    """For each language id, from 0 to the highest, the rows (int64) that `sample_rows` keeps.

    The samples of a task are nested, so two fractions with the same sizes are the same sample.
    """
    cells = np.unique(np.stack([languages, labels]), axis=1)
    count = int(languages.max(initial=-1)) + 1
    total = np.bincount(languages, minlength=count)
    strata = np.bincount(cells[0], minlength=count)
    sizes: np.ndarray = np.maximum(floor * strata, np.floor(total * fraction + 0.5)).astype(np.int64)
    return sizes


def _rank_in_runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each value: its place in its run of equal values, and the length of the run."""
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else np.zeros(0, np.int64)
    lengths = np.diff(np.r_[starts, len(values)])
    return np.arange(len(values)) - np.repeat(starts, lengths), np.repeat(lengths, lengths)
