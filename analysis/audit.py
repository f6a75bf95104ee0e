"""What stands against naming a winner, and what an answer does not cover.

A finding refuses: the arms were not treated alike, or what is there cannot bear the claim. A caveat does
not: it says for what the answer holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.design import confirm_runs, confirmed, factors, hyperparameters
from analysis.domain import Domain, parse_value
from analysis.record import StudyRecord
from study.config import TrialConfig

__all__ = ["EDGE", "FEWEST_SEEDS", "Finding", "audit", "caveats"]

FEWEST_SEEDS = 3
FEW_TRIALS = 8
"""Search trials an arm below which equal arms were claimed to differ in 1 study of 8 or more (simulated)."""

EDGE = 0.05
"""Share of a range, at either end of it, that is its edge; in the logarithm where it was searched so."""

RANGE = "any value of a range"
UNSAID = {"depth": 1, "model_layers": 2}
"""What stands for these where no trial says them: a student that copies some of the layers."""


@dataclass(frozen=True)
class Finding:
    """One reason to name no winner. `rule` is its kind; `arm` the arm it is about, none for the study."""

    rule: str
    arm: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.arm}: {self.text}" if self.arm else self.text


def audit(record: StudyRecord) -> list[Finding]:
    """All that stands against naming a winner; empty where nothing does.

    partial     the study has not come to its end, or its plan is not on record
    arms        there are no two arms
    budget      an arm had fewer search trials than another (complete, pruned, diverged or failed: all count)
                and had not tried all its points
    edge        a selected nuisance value lies at an edge of where it was tuned, so a better one may lie
                beyond it; not where the hyperparameter itself ends there (alpha 0 or 1): that is a caveat
    selection   test was read during the search, or what was confirmed is not what validation selects
    seeds       an arm has fewer than three confirmed seeds, or all arms together have fewer in common
    survivors   confirm runs diverged, so that the mean of the others flatters the arm
    languages   confirm runs were scored in different languages, so that their macros are of different things
    confound    a hyperparameter without a role has several values
    teacher     a teacher failed, or has no finite score
    """
    rules = (_partial, _arms, _budget, _edge, _selection, _seeds, _survivors, _languages, _confound, _teacher)
    return [finding for rule in rules for finding in rule(record)]


def caveats(record: StudyRecord) -> list[str]:
    """For what the answer holds, one sentence each."""
    return [
        text
        for part in (
            _held,
            _teacher_data,
            _teacher_seeds,
            _few_trials,
            _unequal_tuning,
            _bounds,
            _early_ends,
            _superseded,
        )
        for text in part(record)
    ]


def _partial(record: StudyRecord) -> Iterator[Finding]:
    if record.partial:
        text = "the study has not come to its end, or MLflow does not say that it has: results may change"
        yield Finding("partial", None, text)


def _arms(record: StudyRecord) -> Iterator[Finding]:
    if len(record.arms) < 2:
        yield Finding("arms", None, "there are no two arms to compare")


def _budget(record: StudyRecord) -> Iterator[Finding]:
    ended = _search(record)
    ended = ended[ended["outcome"].notna()]
    counts = ended["arm"].value_counts().reindex(list(record.arms), fill_value=0)
    for arm, count in counts.items():
        if count < counts.max() and not _exhausted(record, ended[ended["arm"] == arm]):
            text = f"{count} search trials ended here, {counts.max()} in another arm: unequal tuning"
            yield Finding("budget", str(arm), text)


def _exhausted(record: StudyRecord, trials: pd.DataFrame) -> bool:
    """Whether these trials of an arm are all its points: those that differ in a value that has an effect."""
    names = [name for name in record.nuisance if name in trials]
    tried = len(trials[names].drop_duplicates()) if names else 0
    said = trials[[name for name in TrialConfig.model_fields if name in trials]].bfill().head(1)
    arm = {
        name: parse_value(text)
        for row in said.to_dict("records")
        for name, text in row.items()
        if isinstance(text, str)
    }
    points = set()
    for levels in itertools.product(*(domain.levels or (RANGE,) for domain in record.nuisance.values())):
        point = dict(zip(record.nuisance, levels, strict=True))
        inert = TrialConfig.model_construct(**(UNSAID | arm | point)).inert()  # type: ignore[arg-type]
        active = frozenset((name, level) for name, level in point.items() if name not in inert)
        points.add(active)
        if len(points) > tried or RANGE in dict(active).values():
            return False
    return tried > 0


def _edge(record: StudyRecord) -> Iterator[Finding]:
    for arm, name, end, value in _at_edges(record):
        if not _is_bound(name, record.nuisance[name], end):
            text = f"{name} was selected at the {end} of {record.nuisance[name]} ({value}): tune it further"
            yield Finding("edge", arm, text)


def _at_edges(record: StudyRecord) -> Iterator[tuple[str, str, str, object]]:
    """(arm, nuisance, "lower end" or "upper end", value) of each selected value that lies at an edge."""
    selected = record.trials.set_index("key")
    for arm, key in record.best.items():
        for name, domain in record.nuisance.items():
            text = selected.loc[key, name] if name in selected else None
            value = parse_value(text) if isinstance(text, str) else text
            if not domain.is_numeric or not isinstance(value, (int, float)) or pd.isna(value):
                continue
            if domain.is_range:
                low, high = domain.position(value) <= EDGE, domain.position(value) >= 1 - EDGE
            else:
                numbers = [level for level in domain.levels if not isinstance(level, str)]
                low, high = value <= min(numbers), value >= max(numbers)
                low, high = low and len(numbers) > 2, high and len(numbers) > 2  # of two, both are ends
            if low or high:
                yield arm, name, "lower end" if low else "upper end", value


def _is_bound(name: str, domain: Domain, end: str) -> bool:
    """Whether the hyperparameter itself ends where its range does, so that there is nothing beyond."""
    field = TrialConfig.model_fields.get(name)
    numbers = [v for v in (domain.low, domain.high, *domain.levels) if isinstance(v, (int, float))]
    side, at = ("ge", min(numbers)) if end == "lower end" else ("le", max(numbers))
    return field is not None and at in [getattr(rule, side, None) for rule in field.metadata]


def _selection(record: StudyRecord) -> Iterator[Finding]:
    search = record.scores[(record.scores["phase"] == "search") & (record.scores["split"] == "test")]
    tested = search.drop_duplicates("key")["arm"].value_counts()
    confirm = record.trials[record.trials["phase"] == "confirm"]
    selected = confirm_runs(record)
    for arm in record.arms:
        if arm in tested:
            text = f"{tested[arm]} search trials were scored on test, so test may have chosen what it judges"
            yield Finding("selection", arm, text)
        if not (confirm["arm"] == arm).any() or record.partial:
            continue  # of a partial study a best may have changed, whose confirm runs are still to come
        if arm not in record.best:
            text = "confirmed without a complete search trial: what selected its values is not on record"
            yield Finding("selection", arm, text)
        elif not (selected["arm"] == arm).any():
            yield Finding("selection", arm, "what was confirmed is not what validation selects")


def _seeds(record: StudyRecord) -> Iterator[Finding]:
    of_arms = confirmed(record).groupby("arm")["seed"].agg(set).to_dict()
    seeds = {arm: of_arms.get(arm, set()) for arm in record.arms}
    few = {arm: len(own) for arm, own in seeds.items() if len(own) < FEWEST_SEEDS}
    for arm, count in few.items():
        text = f"{count} confirmed {'seed' if count == 1 else 'seeds'}; {FEWEST_SEEDS} are the fewest"
        yield Finding("seeds", arm, text)
    shared = sorted(set.intersection(*seeds.values())) if seeds else []
    if not few and len(shared) < FEWEST_SEEDS:
        named = f" ({', '.join(map(str, shared))})" if shared else ""
        text = f"all arms share {len(shared)} confirmed {'seed' if len(shared) == 1 else 'seeds'}{named}"
        yield Finding("seeds", None, f"{text}; {FEWEST_SEEDS} in common are the fewest")


def _survivors(record: StudyRecord) -> Iterator[Finding]:
    runs = confirm_runs(record)
    for arm, outcomes in runs.groupby("arm", sort=False)["outcome"]:
        if diverged := int((outcomes == "diverged").sum()):
            text = f"{diverged} of {len(outcomes)} confirm runs diverged: the mean of the others flatters it"
            yield Finding("survivors", str(arm), text)


def _languages(record: StudyRecord) -> Iterator[Finding]:
    results = confirmed(record)
    by_run = results.groupby(["arm", "seed"], sort=False)["language"].agg(frozenset)
    every = frozenset().union(*by_run)
    for arm, runs in by_run.groupby(level="arm", sort=False):
        if lacking := sorted({language for languages in runs for language in every - languages}):
            text = f"lacks {', '.join(lacking)}, which others have: its macro is of other languages"
            yield Finding("languages", str(arm), text)


def _confound(record: StudyRecord) -> Iterator[Finding]:
    trials = record.trials[record.trials["phase"] != "teacher"]
    for name in hyperparameters(record):
        values = trials[name].dropna().unique()
        if name not in record.scientific and name not in record.nuisance and len(values) > 1:
            shown = ", ".join(sorted(map(str, values))[:5])
            yield Finding("confound", None, f"{name} has no role, and several values: {shown}")


def _teacher(record: StudyRecord) -> Iterator[Finding]:
    teachers = record.trials[record.trials["phase"] == "teacher"]
    scores = record.scores_of("teacher", "validation", "accuracy")
    scored = set(scores[scores["language"] == "macro"]["key"])
    for key, status in zip(teachers["key"], teachers["status"], strict=True):
        if status == "FAILED" or key not in scored:
            yield Finding("teacher", None, f"the teacher {key[:8]} failed, or has no finite score")


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


def _teacher_seeds(record: StudyRecord) -> Iterator[str]:
    if "teacher_seed" not in factors(record):
        yield "There is one teacher seed: the intervals are for this teacher, not for teachers trained anew."


def _few_trials(record: StudyRecord) -> Iterator[str]:
    arms = _search(record).groupby("arm", sort=False)
    counts = [len(trials) for _, trials in arms if not _exhausted(record, trials[trials["outcome"].notna()])]
    if record.nuisance and counts and min(counts) < FEW_TRIALS:
        trials = "1 search trial" if min(counts) == 1 else f"{min(counts)} search trials"
        yield (
            f"{trials} an arm tune little: arms that are equal at their best values may differ at the "
            "selected ones, which is what is measured here."
        )


def _unequal_tuning(record: StudyRecord) -> Iterator[str]:
    search = _search(record)
    tuned = {str(arm): _tuned(record, trials) for arm, trials in search.groupby("arm", sort=False)}
    for name in record.nuisance:
        having = [arm for arm, names in tuned.items() if name in names]
        if 0 < len(having) < len(tuned):
            yield (
                f"{name} has an effect in {len(having)} of {len(tuned)} arms, which tuned it besides the "
                "others on the same number of trials."
            )


def _bounds(record: StudyRecord) -> Iterator[str]:
    for arm, name, end, value in _at_edges(record):
        if _is_bound(name, record.nuisance[name], end):
            yield f"{arm}: {name} was selected at {value}, where it ends by its nature: nothing lies beyond."
    for name, domain in record.nuisance.items():
        if domain.is_numeric and not domain.is_range and len(domain.levels) == 2:
            yield f"{name} was tuned over two values, {domain}: that none beyond them is better is not shown."


def _early_ends(record: StudyRecord) -> Iterator[str]:
    pruned = int((_search(record)["outcome"] == "pruned").sum())
    if pruned:
        yield f"{pruned} search trials were stopped early, which is hard on configurations that start slowly."
    runs = confirm_runs(record)
    failed = runs.loc[runs["outcome"] == "failed", "arm"].value_counts(sort=False)
    for arm, count in failed.items():
        yield f"{arm}: {count} confirm runs failed, and are missing."


def _superseded(record: StudyRecord) -> Iterator[str]:
    confirm = record.trials[record.trials["phase"] == "confirm"]
    if left_out := len(confirm) - len(confirm_runs(record)):
        yield f"{left_out} confirm runs are of values that are no longer selected, and are left out."


def _search(record: StudyRecord) -> pd.DataFrame:
    return record.trials[record.trials["phase"] == "search"]


def _tuned(record: StudyRecord, trials: pd.DataFrame) -> list[str]:
    """Nuisance hyperparameters that have an effect in these trials of an arm."""
    return [name for name in record.nuisance if name in trials and trials[name].notna().any()]
