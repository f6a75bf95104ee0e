"""What the data fractions of a plan come to on its task.

A language keeps one row of each of its labels at any fraction. So 1% of a task with many labels and few rows
may be 5% of the rows, or all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from study.errors import RequestError
from study.planning.plan import Plan
from study.trial.data.fractions import sample_sizes

if TYPE_CHECKING:
    from study.trial.data.task import Task

__all__ = ["Share", "check_distinct", "share_notes", "shares_of"]

SHOWN = 5  # languages that a note names


@dataclass(frozen=True)
class Share:
    """The sample that `fraction` of the training data comes to.

    rows: of all languages. share: rows divided by all training rows. by_language: the same of each language
    that has training rows; two fractions with equal shares are the same sample. forced: the languages that
    keep more than the fraction, because they have so many labels.
    """

    fraction: float
    rows: int
    share: float
    by_language: dict[str, float]
    forced: tuple[str, ...]


def shares_of(plan: Plan, task: Task) -> list[Share]:
    """The samples of the fractions in `plan`, from the smallest; of a range, both ends."""
    fractions = sorted({draft.data_fraction for draft in plan.all_drafts()})
    train = task.splits["train"]
    total = np.bincount(train.languages, minlength=len(task.languages))
    found = []
    for fraction in fractions:
        sizes = sample_sizes(train.labels, train.languages, fraction)
        names = [(task.languages[i], i) for i in np.flatnonzero(total)]
        by_language = {name: float(sizes[i] / total[i]) for name, i in names}
        forced = tuple(name for name, i in names if sizes[i] > np.floor(total[i] * fraction + 0.5))
        rows = int(sizes.sum())
        found.append(Share(fraction, rows, rows / len(train), by_language, forced))
    return found


def share_notes(shares: Sequence[Share]) -> Iterator[str]:
    """One line for each fraction of which some languages keep more."""
    for share in shares:
        if share.forced:
            each = ", ".join(f"{name} {share.by_language[name]:.1%}" for name in share.forced[:SHOWN])
            more = len(share.forced) - SHOWN
            yield (
                f"data_fraction={share.fraction:g} comes to {share.share:.1%} of the training rows, because "
                f"each language keeps one row of each label: {each}"
                + (f" and {more} more languages" if more > 0 else "")
            )


def check_distinct(plan: Plan, shares: Sequence[Share]) -> None:
    """Check that the fractions that `plan` compares are different samples of the training data.

    Raises:
        RequestError: if two are the same rows; the message names the fractions and what to set.
    """
    levels = plan.space.scientific.get("data_fraction", ())
    compared = [share for share in shares if share.fraction in levels]
    samples: list[list[Share]] = []  # each with the fractions that are this sample
    for share in compared:
        if samples and samples[-1][0].by_language == share.by_language:
            samples[-1].append(share)
        else:
            samples.append([share])
    if same := next((sample for sample in samples if len(sample) > 1), None):
        alike = [f"{share.fraction:g}" for share in same]
        kept = ",".join(f"{sample[-1].fraction:g}" for sample in samples)
        raise RequestError(
            f"data_fraction: {', '.join(alike[:-1])} and {alike[-1]} are the same {same[0].rows} training "
            f"rows of this task, because each language keeps one row of each label; "
            f"--set data_fraction={kept}"
        )
