"""Caveats about the tuning of the arms: how many trials, which ranges, and searches that selected nothing."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.record.design import confirm_runs, confirmed
from analysis.record.languages import SUMMARIES
from analysis.record.study_record import StudyRecord
from analysis.search.budget import budget_curve
from analysis.search.trials import search_results
from analysis.search.tuning import (
    exhausted,
    failed_trials,
    outermost,
    search_trials,
    tried,
    tuned,
)
from study.selection import SEEN

__all__ = ["tuning_caveats"]

RISES = 0.01
"""A larger gain of accuracy from the last half of an arm's search trials is a caveat."""

FEW_TRIALS = 8
"""With so few search trials an arm, 1 simulated study of 10 or more claimed that equal arms differ."""


def tuning_caveats(record: StudyRecord) -> Iterator[str]:
    """The caveats, one to three sentences each."""
    for part in (
        _few_trials,
        _still_rising,
        _scored_alike,
        _unequal_tuning,
        _outermost,
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
            f"{trials} an arm tune little. Arms are compared at their selected values. Arms that are equal "
            "at their best values may differ at their selected values, and the intervals include this."
        )


def _still_rising(record: StudyRecord) -> Iterator[str]:
    """The gain from the last half of the search trials, for arms whose trials do not depend on each other."""
    curves = budget_curve(search_results(record), record.sampler, record.nuisance)
    gains = []
    for _, curve in curves[~curves["adaptive"].astype(bool)].groupby("arm"):
        expected = curve["expected"].to_numpy(float)
        gains.append(expected[-1] - expected[len(expected) // 2 - 1])  # one trial has no half
    rising = [gain for gain in gains if gain > RISES]
    if rising:
        yield (
            f"In {len(rising)} of {len(gains)} arms, more search trials may find better values. With half as "
            f"many trials, the best is expected to be up to {100 * max(rising):.1f} points lower."
        )


def _scored_alike(record: StudyRecord) -> Iterator[str]:
    """Arms whose search trials all have one score. Often no trial of such an arm learned anything."""
    complete = search_results(record).dropna(subset=["value"])
    for arm, trials in complete.groupby("arm", sort=False):
        names = tuned(record, trials)
        if names and len(trials) > 1 and trials["value"].nunique() == 1:
            score = f"{100 * trials['value'].iloc[0]:.1f} points"
            yield (
                f"{arm}: all {len(trials)} search trials have the same score ({score}). So the search did "
                f"not select {', '.join(names)}. If this is the score of guessing, no trial learned anything."
            )


def _unequal_tuning(record: StudyRecord) -> Iterator[str]:
    search = search_trials(record)
    names_of = {str(arm): tuned(record, trials) for arm, trials in search.groupby("arm", sort=False)}
    for name in record.nuisance:
        having = [arm for arm, names in names_of.items() if name in names]
        if 0 < len(having) < len(names_of):
            yield (
                f"{name} has an effect in {len(having)} of {len(names_of)} arms. These arms tuned one more "
                "hyperparameter with the same number of trials."
            )


def _outermost(record: StudyRecord) -> Iterator[str]:
    for name, arms in outermost(record).items():
        where = arms[0] if len(arms) == 1 else f"{len(arms)} of {len(record.arms)} arms"
        yield (
            f"{where}: the selected {name} is the lowest or the highest value that was tried. The best value "
            "may lie between the selected value and the end of the range."
        )


def _early_ends(record: StudyRecord) -> Iterator[str]:
    pruned = int((search_trials(record)["outcome"] == "pruned").sum())
    if pruned:
        yield (
            f"{pruned} search trials were pruned. Pruning is a disadvantage for configurations that start "
            "slowly."
        )
    begun, lost = (trials["arm"].value_counts() for trials in (search_trials(record), failed_trials(record)))
    for arm in record.arms:
        if arm in lost:
            yield (
                f"{arm}: {lost[arm]} of {begun[arm]} search trials failed. They show nothing about their "
                "values."
            )
    runs = confirm_runs(record)
    failed = runs.loc[runs["outcome"] == "failed", "arm"].value_counts(sort=False)
    for arm, count in failed.items():
        yield f"{arm}: {count} confirm runs failed. Their scores are missing."


def _untuned_languages(record: StudyRecord) -> Iterator[str]:
    """Languages that are part of the answer and were no part of the selection."""
    tested, selecting = (
        set(table["language"]) - set(SUMMARIES)
        for table in (confirmed(record), record.scores_of("search", "validation", record.metric))
    )
    if record.unseen and record.select_on == SEEN:
        return  # `settings` names the languages that had a part
    if selecting and (left_out := sorted(tested - selecting)):
        yield (
            f"{', '.join(left_out)}: no validation texts, so these languages had no part in the tuning. On "
            f"test, macro accuracy is over {len(tested)} languages. In the selection, macro accuracy is over "
            f"{len(tested & selecting)} of them."
        )


def _superseded(record: StudyRecord) -> Iterator[str]:
    confirm = record.trials[record.trials["phase"] == "confirm"]
    if record.costs:  # the students of a front have confirm runs of their own
        front = [student.key for front in record.fronts.values() for student in front]
        confirm = confirm[~confirm["tried"].isin(front)]
        if len(confirm):
            yield (
                f"{len(confirm)} confirm runs are of students that are no longer on the front of their arm. "
                "The report leaves these runs out."
            )
        return
    if left_out := len(confirm) - len(confirm_runs(record)):
        yield (
            f"{left_out} confirm runs have values that are no longer selected. The report leaves these runs "
            "out."
        )


def _after_test(record: StudyRecord) -> Iterator[str]:
    """Search trials after confirm runs: test results may have decided that the budget was raised."""
    if late := int(search_trials(record)["after_test"].sum()):
        yield (
            f"{late} search trials began after confirm runs, which read test. The results on test may have "
            "been a reason to run these trials. No interval here includes that."
        )
