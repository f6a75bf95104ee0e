"""Reasons to name no winner: arms that were not treated alike, and runs that cannot support the claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.record.design import confirm_runs, confirmed, hyperparameters
from analysis.record.formats import number, points
from analysis.record.languages import SUMMARIES
from analysis.record.study_record import StudyRecord
from analysis.search.tuning import at_edges, ends_by_nature, exhausted, failed_trials, tried
from analysis.statistics.effects.runs import without_teacher_seed
from analysis.statistics.intervals import FEWEST_SEEDS
from analysis.statistics.two_kinds import runs_by_kind
from analysis.verdict.remedies import (
    more_seeds,
    resume,
    steadier_students,
    steadier_teacher,
    sync,
    wider_ranges,
)

__all__ = ["Finding", "audit", "gathered", "remedies"]

AT_A_GLANCE = 3


@dataclass(frozen=True)
class Finding:
    """One reason to name no winner.

    rule: its kind. arm: the arm of the finding; None for the whole study. remedy: the command that lifts the
    finding (for `kinds`: that makes it less likely); "" if no command is known.
    """

    rule: str
    arm: str | None
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.arm}: {self.text}" if self.arm else self.text


def audit(record: StudyRecord) -> list[Finding]:
    """All reasons to name no winner; empty if there is no reason.

    partial     the study has not ended, or its plan is not on record
    arms        no two arms differ in more than the seed of the teacher; a study with costs may have one arm
    budget      an arm had fewer search trials than another arm, and had not tried all its points. Complete,
                pruned and diverged trials count. Failed trials do not count: they show nothing about their
                values
    edge        a selected nuisance value lies at an edge of its range or grid, so a better value may lie
                beyond the edge. If the hyperparameter itself ends there (alpha 0 or 1), that is a caveat and
                no finding. In a grid of two levels both levels are edges, so a number needs at least three
                levels
    selection   the search read test, or the confirmed values are not the values that validation selects by
                the rule of the study, which is applied again to the record
    pairing     confirm runs of one seed have different data seeds, so arms do not pair by seed
    seeds       an arm has fewer than three confirmed seeds, or all arms have fewer than three seeds in common
    survivors   confirm runs diverged, so the mean of the other runs is too high for the arm
    kinds       some confirm runs of an arm ended at chance while the others learned: a mean over two kinds of
                runs, with an interval that covers too little (`statistics/two_kinds.py`)
    languages   confirm runs were scored in different languages, so their macro accuracies do not compare
    confound    a hyperparameter without a role has several values
    teacher     a teacher failed, or has no finite score

    A study that varies hyperparameters compares and selects nothing; for it, partial, confound and teacher
    are the rules.
    """
    if record.varied:
        return [finding for rule in (_partial, _confound, _teacher) for finding in rule(record)]
    fair = (_partial, _arms, _budget, _edge, _selection)
    comparable = (_pairing, _seeds, _survivors, _kinds, _languages, _confound, _teacher)
    return [finding for rule in (*fair, *comparable) for finding in rule(record)]


def gathered(findings: list[Finding]) -> list[Finding]:
    """The findings, shortened: of more than three findings of a rule, the first and their number."""
    of_rules: dict[str, list[Finding]] = {}
    for finding in findings:
        of_rules.setdefault(finding.rule, []).append(finding)
    shown: list[Finding] = []
    for first, *more in of_rules.values():
        few = len(more) < AT_A_GLANCE
        text = f"{first}; and {len(more)} more such"
        shown += [first, *more] if few else [Finding(first.rule, None, text, first.remedy)]
    return shown


def remedies(findings: list[Finding]) -> dict[str, str]:
    """Each command that lifts findings, once, with the rules of the findings: `seeds, budget`."""
    rules: dict[str, list[str]] = {}
    for finding in findings:
        if finding.remedy:
            rules.setdefault(finding.remedy, []).append(finding.rule)
    return {command: ", ".join(dict.fromkeys(of_command)) for command, of_command in rules.items()}


def _partial(record: StudyRecord) -> Iterator[Finding]:
    if record.partial:
        text = "the study has not ended, or MLflow does not record its end: results may change"
        yield Finding("partial", None, text, sync(record) if record.missing else resume(record))


def _arms(record: StudyRecord) -> Iterator[Finding]:
    if not record.costs and len(set(map(without_teacher_seed, record.arms))) < 2:
        yield Finding("arms", None, "there are no two arms to compare")


def _budget(record: StudyRecord) -> Iterator[Finding]:
    ended = tried(record)
    counts = ended["arm"].value_counts().reindex(list(record.arms), fill_value=0)
    for arm, count in counts.items():
        if count < counts.max() and not exhausted(record, ended[ended["arm"] == arm]):
            text = (
                f"{count} search trials ended in this arm, {counts.max()} in another arm: the tuning is "
                "unequal"
            )
            lost = failed_trials(record)["arm"].eq(arm).sum()
            failed = f" ({lost} failed)" if lost else ""
            remedy = resume(record, "--retry-failed" if lost else "")
            yield Finding("budget", str(arm), text + failed, remedy)


def _edge(record: StudyRecord) -> Iterator[Finding]:
    remedy = wider_ranges(record)
    for arm, name, end, value in at_edges(record):
        if not ends_by_nature(record, name, end):
            domain = record.nuisance[name]
            text = (
                f"{name} was selected at the {end} of {domain} ({number(value)}): tune {name} beyond this end"
            )
            yield Finding("edge", arm, text, remedy)


def _selection(record: StudyRecord) -> Iterator[Finding]:
    search = record.scores[(record.scores["phase"] == "search") & (record.scores["split"] == "test")]
    tested = search.drop_duplicates("key")["arm"].value_counts()
    confirm = record.trials[record.trials["phase"] == "confirm"]
    selected = confirm_runs(record)
    for arm in record.arms:
        if arm in tested:
            text = f"{tested[arm]} search trials were scored on test, so test may have decided the selection"
            yield Finding("selection", arm, text)
        if not (confirm["arm"] == arm).any() or record.partial:
            continue  # a partial study may lack the confirm runs of a new best trial
        if arm not in record.best:
            text = (
                "confirmed without a complete search trial: the record does not show what selected the values"
            )
            yield Finding("selection", arm, text)
        elif lacking := _of_tunings(confirm, arm) - _of_tunings(selected, arm):
            of = f" in tuning {min(lacking)}" if max(_of_tunings(confirm, arm)) else ""
            text = f"the confirmed values are not the values that validation selects{of}"
            yield Finding("selection", arm, text, resume(record))


def _of_tunings(runs: pd.DataFrame, arm: str) -> set[int]:
    """The tunings of `arm` of which there are `runs`; a record without tunings has tuning 0 alone."""
    own = runs[runs["arm"] == arm]
    return set(own["tuning"] if "tuning" in own else [0] * len(own))


def _pairing(record: StudyRecord) -> Iterator[Finding]:
    runs = confirm_runs(record)
    if "seed" not in runs or "data_seed" not in runs:
        return  # an older version recorded less
    runs = runs.dropna(subset=["seed", "data_seed"])
    of_arms = runs.groupby(["arm", "seed"], sort=False)["data_seed"].nunique()
    for arm, seed in of_arms.index[of_arms > 1]:
        text = f"seed {seed} was confirmed on {of_arms[arm, seed]} data samples (data_seed)"
        yield Finding("pairing", arm, text)
    of_seeds = runs.groupby("seed", sort=False)["data_seed"].unique()
    if differing := [seed for seed, samples in of_seeds.items() if len(samples) > 1]:
        seeds = ", ".join(sorted(differing, key=lambda seed: (len(seed), seed)))
        text = (
            f"the arms have different data samples (data_seed) at seed {seeds}, so they do not pair at this "
            "seed"
        )
        yield Finding("pairing", None, text)


def _seeds(record: StudyRecord) -> Iterator[Finding]:
    of_arms = confirmed(record).groupby("arm")["seed"].agg(set).to_dict()
    seeds = {arm: of_arms.get(arm, set()) for arm in record.arms}
    few = {arm: len(own) for arm, own in seeds.items() if len(own) < FEWEST_SEEDS}
    runs = confirm_runs(record)
    failed = runs.loc[runs["outcome"] == "failed", "arm"].value_counts()
    for arm, count in few.items():
        text = f"{count} confirmed {'seed' if count == 1 else 'seeds'}; at least {FEWEST_SEEDS} are needed"
        enough = count + failed.get(arm, 0) >= FEWEST_SEEDS  # if the failed runs succeed
        yield Finding("seeds", arm, text, resume(record, "--retry-failed") if enough else more_seeds())
    shared = sorted(set.intersection(*seeds.values())) if seeds else []
    if not few and len(shared) < FEWEST_SEEDS:
        named = f" ({', '.join(map(str, shared))})" if shared else ""
        text = f"all arms share {len(shared)} confirmed {'seed' if len(shared) == 1 else 'seeds'}{named}"
        remedy = resume(record, "--retry-failed") if len(failed) else more_seeds()
        yield Finding("seeds", None, f"{text}; at least {FEWEST_SEEDS} are needed", remedy)


def _survivors(record: StudyRecord) -> Iterator[Finding]:
    runs = confirm_runs(record)
    for arm, outcomes in runs.groupby("arm", sort=False)["outcome"]:
        if diverged := int((outcomes == "diverged").sum()):
            text = (
                f"{diverged} of {len(outcomes)} confirm runs diverged: the mean of the other runs is too high"
            )
            yield Finding("survivors", str(arm), text)


def _kinds(record: StudyRecord) -> Iterator[Finding]:
    runs = runs_by_kind(confirmed(record), record.chance)
    for arm, of_arm in runs[runs["two_kinds"]].groupby("arm", sort=False):
        low, high = (_span(of_arm.loc[of_arm["low"] == side, "value"]) for side in (True, False))
        where = "far below the others" if record.chance is None else f"at chance ({points(record.chance)})"
        text = (
            f"{of_arm['low'].sum()} of {len(of_arm)} confirm runs ended {where}: macro accuracy {low}, "
            f"against {high} in the other runs. Runs of two kinds have no common spread, and an interval "
            "over them is too narrow"
        )
        yield Finding("kinds", str(arm), text, steadier_students(record))


def _span(values: pd.Series) -> str:
    low, high = points(values.min()), points(values.max())
    return low if low == high else f"{low} to {high}"


def _languages(record: StudyRecord) -> Iterator[Finding]:
    results = confirmed(record)
    results = results[~results["language"].isin(SUMMARIES)]
    by_run = results.groupby(["arm", "seed"], sort=False)["language"].agg(frozenset)
    every = frozenset().union(*by_run)
    for arm, runs in by_run.groupby(level="arm", sort=False):
        if lacking := sorted({language for languages in runs for language in every - languages}):
            text = f"lacks {', '.join(lacking)}, which other arms have: its macro is over other languages"
            yield Finding("languages", str(arm), text)


def _confound(record: StudyRecord) -> Iterator[Finding]:
    trials = record.trials[record.trials["phase"] != "teacher"]
    for name in hyperparameters(record):
        values = trials[name].dropna().unique()
        roles = (record.scientific, record.nuisance, record.varied)
        if not any(name in role for role in roles) and len(values) > 1:
            shown = ", ".join(sorted(map(str, values))[:5])
            yield Finding("confound", None, f"{name} has no role and several values: {shown}")


def _teacher(record: StudyRecord) -> Iterator[Finding]:
    teachers = record.trials[record.trials["phase"] == "teacher"]
    scores = record.scores_of("teacher", "validation", record.metric)
    scored = set(scores[scores["language"] == "macro"]["key"])
    for key, status in zip(teachers["key"], teachers["status"], strict=True):
        if status == "FAILED" or key not in scored:
            text = f"the teacher {key[:8]} failed, or has no finite score"
            yield Finding("teacher", None, text, steadier_teacher(record))
