"""What the data fractions of a plan come to on its task.

A language keeps one row of each of its labels at any fraction. So 1% of a task with many labels and few rows
may be 5% of the rows, or all rows. With `label_floor=0` a language keeps the fraction, and rare labels may
have no row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from study.config import ALL
from study.errors import RequestError
from study.planning.plan import Plan
from study.trial.data.fractions import sample_rows, sample_sizes
from study.trial.data.strata import strata_of

if TYPE_CHECKING:
    from study.trial.data.task import Split, Task

__all__ = ["Share", "check_distinct", "share_notes", "shares_of"]

SHOWN = 5  # languages that a note names


@dataclass(frozen=True)
class Share:
    """The sample that `fraction` of the training data comes to.

    rows: of all languages. share: rows divided by all training rows. by_language: the same of each language
    that has training rows; two fractions with equal shares are the same sample. forced: the languages that
    keep more than the fraction, because they have so many labels. label_floor: the rows of each label that
    are kept at least. lost: the languages in which labels have no row in the sample, with their number.
    train_languages: the name of the list of languages that the student sees; rows and shares are of these.
    """

    fraction: float
    rows: int
    share: float
    by_language: dict[str, float]
    forced: tuple[str, ...]
    label_floor: int = 1
    lost: dict[str, int] = field(default_factory=dict)
    train_languages: str = ALL

    @property
    def name(self) -> str:
        """The fraction as a value of a study."""
        named = f"data_fraction={self.fraction:g}" + ("" if self.label_floor else " at label_floor=0")
        return named + ("" if self.train_languages == ALL else f" in {self.train_languages}")


def shares_of(plan: Plan, task: Task) -> list[Share]:
    """The samples of the fractions in `plan`, from the smallest; of a range, both ends."""
    drafts = {
        (d.data_fraction, d.label_floor, str(plan.shown(d)["train_languages"])): d for d in plan.all_drafts()
    }
    train = task.splits["train"]
    strata = strata_of(train, task.labels)
    total = np.bincount(train.languages, minlength=len(task.languages))
    found = []
    for (fraction, floor, languages), draft in sorted(drafts.items(), key=lambda item: item[0]):
        sizes = sample_sizes(strata, train.languages, fraction, floor)
        names = [
            (task.languages[i], int(i)) for i in np.flatnonzero(total) if draft.trains_on(task.languages[i])
        ]
        by_language = {name: float(sizes[i] / total[i]) for name, i in names}
        forced = tuple(name for name, i in names if sizes[i] > np.floor(total[i] * fraction + 0.5))
        of_names = [i for _, i in names]
        rows = int(sizes[of_names].sum())
        share = rows / int(total[of_names].sum())
        lost = {} if floor else _labels_lost(train, strata, fraction, names)
        found.append(Share(fraction, rows, share, by_language, forced, floor, lost, languages))
    return found


def _labels_lost(
    train: Split, strata: np.ndarray, fraction: float, names: Sequence[tuple[str, int]]
) -> dict[str, int]:
    """For each language, how many of its labels (`strata`) have no row in the sample.

    It is the same for every seed. Rows of frequent labels come first, and the seed draws which rows of a
    label these are.
    """
    kept = sample_rows(strata, train.languages, fraction, "", 0, floor=0)
    found = {}
    for name, number in names:
        there = np.unique(strata[train.languages == number])
        left = np.unique(strata[kept][train.languages[kept] == number])
        if len(left) < len(there):
            found[name] = len(there) - len(left)
    return found


def share_notes(shares: Sequence[Share]) -> Iterator[str]:
    """One line for each fraction of which some languages keep more."""
    for share in shares:
        if share.forced:
            each = ", ".join(f"{name} {share.by_language[name]:.1%}" for name in share.forced[:SHOWN])
            more = len(share.forced) - SHOWN
            yield (
                f"{share.name} comes to {share.share:.1%} of the training rows, because "
                f"each language keeps one row of each label: {each}"
                + (f" and {more} more languages" if more > 0 else "")
            )
        if share.lost:
            each = ", ".join(f"{count} in {name}" for name, count in list(share.lost.items())[:SHOWN])
            more = len(share.lost) - SHOWN
            yield (
                f"{share.name}: some labels have no training row: {each}"
                + (f" and more in {more} more languages" if more > 0 else "")
            )


def check_distinct(plan: Plan, shares: Sequence[Share]) -> None:
    """Check that the fractions that `plan` compares are different samples of the training data.

    Raises:
        RequestError: if two are the same rows, or one has no row; the message names the fractions and what
            to set.
    """
    for share in shares:
        if not share.rows:
            raise RequestError(f"{share.name}: keeps no training row of this task; give a larger fraction")
    levels = plan.space.scientific.get("data_fraction", ())
    compared = [share for share in shares if share.fraction in levels]
    compared.sort(key=lambda s: (s.train_languages, s.label_floor, s.fraction))
    samples: list[list[Share]] = []  # each with the fractions that are this sample
    for share in compared:
        if samples and _is_one(samples[-1][0], share):
            samples[-1].append(share)
        else:
            samples.append([share])
    if same := next((sample for sample in samples if len(sample) > 1), None):
        alike = [f"{share.fraction:g}" for share in same]
        of_floor = [s[-1] for s in samples if _alike(s[-1], same[0])]
        kept = ",".join(f"{share.fraction:g}" for share in of_floor)
        why = ", because each language keeps one row of each label" if same[0].label_floor else ""
        raise RequestError(
            f"data_fraction: {', '.join(alike[:-1])} and {alike[-1]} are the same {same[0].rows} training "
            f"rows of this task{why}; --set data_fraction={kept}"
        )


def _is_one(share: Share, other: Share) -> bool:
    """Whether two fractions of one label floor, in the same languages, are the same sample."""
    return _alike(share, other) and share.by_language == other.by_language


def _alike(share: Share, other: Share) -> bool:
    return (share.label_floor, share.train_languages) == (other.label_floor, other.train_languages)
