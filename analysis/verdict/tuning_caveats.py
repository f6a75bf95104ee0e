"""What is to be said of how arms were tuned: how far, by how many trials, and where that told nothing."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.record.design import confirm_runs, confirmed
from analysis.record.formats import number
from analysis.record.languages import SUMMARIES
from analysis.record.study_record import StudyRecord
from analysis.search.budget import budget_curve
from analysis.search.trials import search_results
from analysis.search.tuning import (
    at_edges,
    ends_by_nature,
    exhausted,
    failed_trials,
    outermost,
    search_trials,
    tried,
    tuned,
)

__all__ = ["tuning_caveats"]

RISES = 0.01
"""Accuracy that the last half of an arm's search trials may bring before it is said to be under-tuned."""

FEW_TRIALS = 8
"""Search trials an arm up to which equal arms are claimed to differ in 1 study of 10 or more (simulated)."""


def tuning_caveats(record: StudyRecord) -> Iterator[str]:
    """One sentence each."""
    for part in (
        _few_trials,
        _still_rising,
        _scored_alike,
        _unequal_tuning,
        _bounds,
        _early_ends,
        _untuned_languages,
        _superseded,
        _after_test,
    ):
        yield from part(record)


def _few_trials(record: StudyRecord) -> Iterator[str]:
    arms = tried(record).groupby("arm", sort=False)
    counts = [len(trials) for _, trials in arms if not exhausted(record, trials)]
    if record.nuisance and counts and min(counts) <= FEW_TRIALS:
        trials = "1 search trial" if min(counts) == 1 else f"{min(counts)} search trials"
        yield (
            f"{trials} an arm tune little: arms that are equal at their best values may differ at the "
            "selected ones, which is what is measured here."
        )


def _still_rising(record: StudyRecord) -> Iterator[str]:
    """What the last half of the trials brought, where they do not depend on each other."""
    curves = budget_curve(search_results(record), record.facts.get("sampler"), record.nuisance)
    gains = []
    for _, curve in curves[~curves["adaptive"].astype(bool)].groupby("arm"):
        expected = curve["expected"].to_numpy(float)
        gains.append(expected[-1] - expected[len(expected) // 2 - 1])  # of one trial none
    rising = [gain for gain in gains if gain > RISES]
    if rising:
        yield (
            f"In {len(rising)} of {len(gains)} arms the best of half as many search trials is expected to be "
            f"more than 1 point lower (by up to {100 * max(rising):.1f}): more trials may find better."
        )


def _scored_alike(record: StudyRecord) -> Iterator[str]:
    """Arms whose search said nothing of their values: often none of its trials learned anything."""
    complete = search_results(record).dropna(subset=["value"])
    for arm, trials in complete.groupby("arm", sort=False):
        names = tuned(record, trials)
        if names and len(trials) > 1 and trials["value"].nunique() == 1:
            score = f"{100 * trials['value'].iloc[0]:.1f} points"
            yield (
                f"{arm}: all {len(trials)} search trials scored alike ({score}), so nothing selected its "
                f"{', '.join(names)}. Where that is the score of guessing, none of them learned."
            )


def _unequal_tuning(record: StudyRecord) -> Iterator[str]:
    search = search_trials(record)
    names_of = {str(arm): tuned(record, trials) for arm, trials in search.groupby("arm", sort=False)}
    for name in record.nuisance:
        having = [arm for arm, names in names_of.items() if name in names]
        if 0 < len(having) < len(names_of):
            yield (
                f"{name} has an effect in {len(having)} of {len(names_of)} arms, which tuned it besides the "
                "others on the same number of trials."
            )


def _bounds(record: StudyRecord) -> Iterator[str]:
    for arm, name, end, value in at_edges(record):
        if ends_by_nature(record, name, end):
            text = f"{name} was selected at the {end} of {record.nuisance[name]} ({number(value)})"
            yield f"{arm}: {text}, where it ends by its nature: there is nothing beyond."
    for name, arms in outermost(record).items():
        where = arms[0] if len(arms) == 1 else f"{len(arms)} of {len(record.arms)} arms"
        yield (
            f"{where}: the selected {name} is the lowest or the highest that was tried; the best may lie "
            "between it and the end of the range."
        )
    for name, domain in record.nuisance.items():
        if len(domain.levels) == 1:
            yield f"{name} was to be tuned and had one value, {domain}: it was held."


def _early_ends(record: StudyRecord) -> Iterator[str]:
    pruned = int((search_trials(record)["outcome"] == "pruned").sum())
    if pruned:
        yield f"{pruned} search trials were stopped early, which is hard on configurations that start slowly."
    asked, lost = (trials["arm"].value_counts() for trials in (search_trials(record), failed_trials(record)))
    for arm in record.arms:
        if arm in lost:
            yield f"{arm}: {lost[arm]} of {asked[arm]} search trials failed, and say nothing of their values."
    runs = confirm_runs(record)
    failed = runs.loc[runs["outcome"] == "failed", "arm"].value_counts(sort=False)
    for arm, count in failed.items():
        yield f"{arm}: {count} confirm runs failed, and are missing."


def _untuned_languages(record: StudyRecord) -> Iterator[str]:
    """Languages that have a part in the answer and none in what was selected."""
    tested, selecting = (
        set(table["language"]) - set(SUMMARIES)
        for table in (confirmed(record), record.scores_of("search", "validation", "accuracy"))
    )
    if selecting and (left_out := sorted(tested - selecting)):
        yield (
            f"{', '.join(left_out)}: no validation texts, so no part in tuning; macro accuracy is over "
            f"{len(tested)} languages on test, and over {len(tested & selecting)} of them where values were "
            "selected."
        )


def _superseded(record: StudyRecord) -> Iterator[str]:
    confirm = record.trials[record.trials["phase"] == "confirm"]
    if left_out := len(confirm) - len(confirm_runs(record)):
        yield f"{left_out} confirm runs are of values that are no longer selected, and are left out."


def _after_test(record: StudyRecord) -> Iterator[str]:
    """A budget that was raised: whether to raise it may have hung on what test had said."""
    if late := int(search_trials(record)["after_test"].sum()):
        yield (
            f"{late} search trials began after confirm runs had, which read test. They were selected by "
            "validation, but that they were run may hang on what test said, which no interval here knows of."
        )
