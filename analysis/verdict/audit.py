"""What stands against naming a winner: arms that were not treated alike, or what cannot bear the claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.record.design import confirm_runs, confirmed, hyperparameters
from analysis.record.formats import number
from analysis.record.study_record import StudyRecord
from analysis.search.tuning import at_edges, ends_by_nature, exhausted, failed_trials, tried
from analysis.statistics.effects.runs import without_teacher_seed
from analysis.statistics.intervals import FEWEST_SEEDS

__all__ = ["Finding", "audit", "gathered"]

AT_A_GLANCE = 3


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
    arms        there are no two arms that differ in more than the teacher's seed
    budget      an arm had fewer search trials than another and had not tried all its points; complete, pruned
                and diverged ones count, failed ones do not, since they tell nothing of their values
    edge        a selected nuisance value lies at an edge of where it was tuned, so a better one may lie
                beyond it; not where the hyperparameter itself ends there (alpha 0 or 1): that is a caveat.
                Of a grid of two levels both are edges, so three are the fewest to tune a number over
    selection   test was read during the search, or what was confirmed is not what validation selects
    pairing     confirm runs of one seed have different data seeds, so that arms do not pair by seed
    seeds       an arm has fewer than three confirmed seeds, or all arms together have fewer in common
    survivors   confirm runs diverged, so that the mean of the others flatters the arm
    languages   confirm runs were scored in different languages, so that their macros are of different things
    confound    a hyperparameter without a role has several values
    teacher     a teacher failed, or has no finite score
    """
    fair = (_partial, _arms, _budget, _edge, _selection)
    comparable = (_pairing, _seeds, _survivors, _languages, _confound, _teacher)
    return [finding for rule in (*fair, *comparable) for finding in rule(record)]


def gathered(findings: list[Finding]) -> list[Finding]:
    """At a glance: of a rule with more than three findings the first, and how many more there are."""
    of_rules: dict[str, list[Finding]] = {}
    for finding in findings:
        of_rules.setdefault(finding.rule, []).append(finding)
    shown: list[Finding] = []
    for first, *more in of_rules.values():
        few = len(more) < AT_A_GLANCE
        shown += [first, *more] if few else [Finding(first.rule, None, f"{first}; and {len(more)} more such")]
    return shown


def _partial(record: StudyRecord) -> Iterator[Finding]:
    if record.partial:
        text = "the study has not come to its end, or MLflow does not say that it has: results may change"
        yield Finding("partial", None, text)


def _arms(record: StudyRecord) -> Iterator[Finding]:
    if len(set(map(without_teacher_seed, record.arms))) < 2:
        yield Finding("arms", None, "there are no two arms to compare")


def _budget(record: StudyRecord) -> Iterator[Finding]:
    ended = tried(record)
    counts = ended["arm"].value_counts().reindex(list(record.arms), fill_value=0)
    for arm, count in counts.items():
        if count < counts.max() and not exhausted(record, ended[ended["arm"] == arm]):
            text = f"{count} search trials ended here, {counts.max()} in another arm: unequal tuning"
            lost = failed_trials(record)["arm"].eq(arm).sum()
            retried = f" ({lost} failed; resume with --retry-failed runs them once more)" if lost else ""
            yield Finding("budget", str(arm), text + retried)


def _edge(record: StudyRecord) -> Iterator[Finding]:
    for arm, name, end, value in at_edges(record):
        if not ends_by_nature(record, name, end):
            domain = record.nuisance[name]
            text = f"{name} was selected at the {end} of {domain} ({number(value)}): tune it further"
            yield Finding("edge", arm, text)


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


def _pairing(record: StudyRecord) -> Iterator[Finding]:
    runs = confirm_runs(record)
    if "seed" not in runs or "data_seed" not in runs:
        return  # of a version that recorded less
    runs = runs.dropna(subset=["seed", "data_seed"])
    of_arms = runs.groupby(["arm", "seed"], sort=False)["data_seed"].nunique()
    for arm, seed in of_arms.index[of_arms > 1]:
        text = f"seed {seed} was confirmed on {of_arms[arm, seed]} data samples (data_seed)"
        yield Finding("pairing", arm, text)
    of_seeds = runs.groupby("seed", sort=False)["data_seed"].unique()
    if differing := [seed for seed, samples in of_seeds.items() if len(samples) > 1]:
        seeds = ", ".join(sorted(differing, key=lambda seed: (len(seed), seed)))
        text = f"arms do not share the data sample (data_seed) of seed {seeds}, so they do not pair there"
        yield Finding("pairing", None, text)


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
