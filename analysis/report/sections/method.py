"""What stands against the answer, how the numbers were computed, and what they were computed from."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.record.languages import SUMMARIES
from analysis.report.sections.section import Section
from analysis.report.sections.training import TARGETS
from analysis.report.tables import make_table
from analysis.statistics.intervals import MARGIN
from analysis.verdict.results import SHARE, Results

__all__ = ["audited", "method", "versions"]

PLACES = {"cluster", "concurrency", "cpus_per_trial", "gpus_per_trial"}
"""Facts that say where trials ran; they decide no number."""

METHOD = (
    "Estimand: the difference of mean test accuracy between arms at the nuisance values that each arm's own "
    "search selected on validation, on fresh seeds, with the study's teachers: one for all seeds, or, where "
    "teacher_data is same and students have a share of the data, one trained on each seed's sample. Test "
    "accuracy is read in confirm runs alone; these are never pruned. Macro is the mean over languages, worst "
    "the lowest language.",
    "Pairing: confirm seed i of one arm and seed i of another have the same data sample, so differences are "
    "taken seed by seed, averaged over matched arms, and get a Student t interval over seeds. Percentile "
    "bootstrap intervals are too narrow with few seeds and are not used.",
    "Test texts are the same in all runs, and taken as they are: no interval is over other texts of these "
    "languages. With few texts a language, differences on others may lie outside.",
    "New languages: seeds and languages are both taken as random samples, crossed; the variance adds both.",
    "Copying minus distilling (claim C1): both effects are of the same sets of four arms, copied or random, "
    "on labels alone or distilled, each a mean over the other's two levels. Their difference is the accuracy "
    "of copied students on labels alone minus that of random ones that are distilled. The main effects, of "
    "init and alpha, are over all arms: every set of matched arms counts once.",
    "Many comparisons: p values are corrected by Holm's method over all effects of a kind, over the "
    "languages of one effect, over all pairs of arms when the best is compared with the others, over claim "
    "C1's number and how copying and distilling act on one another, and, of how the copy's advantage changes "
    "with the data (claim C4), over the kinds of teacher_data. Uncorrected are those of the steps to a "
    "score, and of the shares of variance (F tests).",
    "No difference: claimed where two one-sided tests at 5% (TOST, Schuirmann 1987) show the difference to "
    f"be within {100 * MARGIN:g} point of accuracy, which is where its 90% interval lies inside that margin. "
    "They are not corrected for many comparisons, save that of the best arm with the next one, which is "
    "corrected for all pairs of arms (Bonferroni).",
    "The best arm: all arms are compared on the confirm seeds that all of them have. Arms that differ by the "
    "teacher's seed alone are one, the mean over its teachers.",
    "Averages: an effect over cells of other factors names these. A curve is over the cells that all its "
    "points share; where there is none, points are left out that lack the cell that most have.",
    "Missing numbers: a pruned, diverged or failed trial is counted as such and has no accuracy. Nothing is "
    "imputed: what was not measured is a dash, and effects are taken over arms, seeds and languages that all "
    "sides have.",
)


def audited(results: Results) -> Section:
    if not results.findings:
        text = "The audit found nothing that stands against comparing these arms."
        return Section("Audit", (f"{text} The caveats at the top of the report hold.",))
    found = [(finding.rule, finding.arm or "all", finding.text) for finding in results.findings]
    rows = pd.DataFrame(found, columns=["rule", "arm", "finding"])
    table = make_table("audit", "Audit", rows, {}, "Each stands against naming a winner.")
    return Section("Audit", (), (table,))


def method(results: Results) -> Section:
    return Section("How this was computed", (*METHOD, *_not_computed(results), *_steps(results)))


def _not_computed(results: Results) -> Iterator[str]:
    """Claims that the factors ask about and that have no number, with the reason."""
    asked = {name: set(levels) for name, levels in results.factors.items()}
    if not {"random", "teacher"} <= asked.get("init", set()):
        return
    runs = "no seed has confirm runs of matched arms at both"
    if 1.0 in asked.get("alpha", set()) and results.claim.empty:
        yield f"Not computed: copying minus distilling (claim C1), since {runs} levels of init and alpha."
    if "data_fraction" in asked:
        there = set(results.advantage["teacher_data"])
        kinds = [kind for kind in results.factors.get("teacher_data", (None,)) if kind not in there]
        for kind in kinds:
            at = f" at teacher_data = {kind}" if kind else ""
            yield (
                f"Not computed: how the copy's advantage changes with the data (claim C4){at}, since {runs} "
                "inits and two fractions."
            )
    there = results.convergence.dropna(subset=["estimate"])["criterion"]
    for criterion in sorted(TARGETS.keys() - set(there)):
        yield (
            f"Not computed: the ratio of steps to {SHARE:.0%} of {TARGETS[criterion]} (claim C5), since no "
            "seed has learning curves of matched arms at both inits that all get there."
        )


def _steps(results: Results) -> Iterator[str]:
    """Learning curves hold macro alone, so it cannot be taken anew over the languages that runs share."""
    scores = results.record.scores_of("confirm", "validation", "accuracy")
    scores = scores[scores["key"].isin(results.learning()["key"]) & ~scores["language"].isin(SUMMARIES)]
    if scores.groupby("key")["language"].agg(frozenset).nunique() > 1:
        yield (
            "Steps to a score are of macro validation accuracy as each run recorded it. These runs have "
            "different languages, so steps to another arm's accuracy are not comparable."
        )


def versions(results: Results) -> Section:
    """The study's facts, by content: fingerprints, never a path.

    A hyperparameter with a role is none: what it was is in the trials, its default here would say otherwise.
    """
    record = results.record
    left_out = PLACES | record.scientific.keys() | record.nuisance.keys() | record.fixed.keys()
    facts = {name: _without_path(text) for name, text in record.facts.items() if name not in left_out}
    facts = {name: text for name, text in facts.items() if text not in ("", "None")}
    facts["languages on test"] = ", ".join(results.languages)
    rows = pd.DataFrame(sorted(facts.items()), columns=["fact", "value"])
    rows = rows[rows["value"] != ""]
    return Section("Data and models", (), (make_table("versions", "Data and models", rows),))


def _without_path(text: str) -> str:
    """A file or folder by its name alone: where it lay is no part of the result."""
    absolute = text.startswith(("/", "\\", "~")) or text[1:3] in (":/", ":\\")
    return text.replace("\\", "/").rstrip("/").rpartition("/")[2] if absolute else text
