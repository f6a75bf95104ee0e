"""For what an answer holds: what was held at one value, how the teacher was made, how far arms were tuned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.design import confirm_runs, confirmed, factors, own_teachers
from analysis.domain import parse_value
from analysis.languages import SUMMARIES
from analysis.record import StudyRecord
from analysis.search import search_results
from analysis.tables import number
from analysis.tuning import (
    at_edges,
    ends_by_nature,
    exhausted,
    failed_trials,
    outermost,
    search_trials,
    tried,
    tuned,
)

__all__ = ["caveats"]

FEW_TRIALS = 8
"""Search trials an arm up to which equal arms were claimed to differ in 1 study of 8 or more (simulated)."""


def caveats(record: StudyRecord) -> list[str]:
    """For what the answer holds, one sentence each."""
    return [
        text
        for part in (
            _held,
            _teacher_data,
            _teachers,
            _few_trials,
            _scored_alike,
            _unequal_tuning,
            _bounds,
            _early_ends,
            _untuned_languages,
            _superseded,
            _after_test,
            _numerics,
        )
        for text in part(record)
    ]


def _held(record: StudyRecord) -> Iterator[str]:
    if record.fixed:
        shown = ", ".join(f"{name} {value}" for name, value in record.fixed.items())
        yield f"Held at one value, and so not part of the answer: {shown}."


def _teacher_data(record: StudyRecord) -> Iterator[str]:
    if record.facts.get("teacher"):
        yield "The teacher was given: what it was trained on is not on record."
    elif not _shares_of_data(record):
        yield "Teacher and students were trained on all training data."
    elif "teacher_data" in factors(record):
        yield "What the teacher saw (teacher_data) is a factor: all training data, or the student's share."
    elif "teacher_data" in record.nuisance:
        yield "What the teacher saw (teacher_data) was tuned: all training data, or the student's share."
    elif record.fixed.get("teacher_data") == "same":
        yield "teacher_data is same: the teacher saw only the student's share of the training data."
    elif "teacher_data" not in record.fixed:
        yield "What the teacher saw (teacher_data) is not on record: all data, or the student's share."
    else:
        yield (
            "teacher_data is full: the teacher saw all training data, of which its students saw a share; "
            "what is copied or distilled carries the rest."
        )


def _shares_of_data(record: StudyRecord) -> bool:
    """Whether some student was given less than all training data."""
    name = "data_fraction"
    if domain := record.nuisance.get(name):
        levels = (domain.low, *domain.levels)
    else:
        levels = record.scientific.get(name) or (parse_value(record.fixed.get(name, "1")),)
    return any(level not in (None, 1) for level in levels)


def _teachers(record: StudyRecord) -> Iterator[str]:
    """Which teachers the intervals are for."""
    own, seeds = own_teachers(record), factors(record).get("teacher_seed", ())
    if seeds:
        shown = ", ".join(map(str, seeds))
        yield (
            f"Averaged over {len(seeds)} teachers (teacher_seed {shown}); the intervals are over seeds, with "
            "these teachers."
        )
    elif not own:
        yield "There is one teacher seed: the intervals are for this teacher, not for teachers trained anew."
    if own:
        where = "In every arm" if len(own) == len(record.arms) else _where_same(record, own)
        yield (
            f"{where} each confirm seed has a teacher of its own, trained on its sample of the data: there "
            "the intervals are over such teachers too, but not over teacher seeds."
        )
    if own and not seeds and len(own) < len(record.arms):
        yield "In the other arms the intervals are for one teacher, not for teachers trained anew."


def _where_same(record: StudyRecord, own: list[str]) -> str:
    count = f"{len(own)} of {len(record.arms)} arms"
    if "teacher_data" in record.scientific or "teacher_data" in record.nuisance:
        return f"In the {count} with teacher_data = same and less than all data"
    return f"In the {count} with less than all data (teacher_data is same)"


def _few_trials(record: StudyRecord) -> Iterator[str]:
    arms = tried(record).groupby("arm", sort=False)
    counts = [len(trials) for _, trials in arms if not exhausted(record, trials)]
    if record.nuisance and counts and min(counts) <= FEW_TRIALS:
        trials = "1 search trial" if min(counts) == 1 else f"{min(counts)} search trials"
        yield (
            f"{trials} an arm tune little: arms that are equal at their best values may differ at the "
            "selected ones, which is what is measured here."
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


def _numerics(record: StudyRecord) -> Iterator[str]:
    said = confirm_runs(record)["numerics"].dropna().unique()
    ways = [dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", text)) for text in said]  # a GPU's name has spaces
    names = dict.fromkeys(name for way in ways for name in way)
    values = {name: sorted({way.get(name, "not said") for way in ways}) for name in names}
    differing = [f"{name} ({', '.join(each)})" for name, each in values.items() if len(each) > 1]
    if differing:
        yield f"Confirm runs were not all computed alike; they differ in {', '.join(differing)}."
