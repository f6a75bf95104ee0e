"""The sections on the audit, and on how the numbers were computed."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.record.formats import margin_text
from analysis.record.languages import SUMMARIES
from analysis.report.sections.section import Section
from analysis.report.sections.training import TARGETS
from analysis.report.tables import make_table
from analysis.verdict.remedies import REST
from analysis.verdict.results import SHARE, Results
from analysis.verdict.summary import WORST

__all__ = ["audited", "method"]

METHOD = (
    "Estimand: the difference of mean test accuracy between arms, at the selected nuisance values, on fresh "
    "seeds, with the teachers of the study. The search of each arm selects these values on validation. "
    "There is one teacher for all seeds. If teacher_data is same and students have a share of the data, one "
    "teacher is trained on the sample of each seed. Only confirm runs read test accuracy. Confirm runs are "
    f"never pruned. Macro is the mean over languages. {WORST[0].upper()}{WORST[1:]}",
    "Pairing: confirm seed i of one arm and confirm seed i of another arm have the same data sample. "
    "Differences are therefore computed seed by seed, and averaged over matched arms. They get a Student t "
    "interval over seeds. Percentile bootstrap intervals are not used: with few seeds they are too narrow.",
    "Test texts are a sample, as seeds are, and every seed answers the same texts. If the record has which "
    "texts each confirm run had correct, seeds and texts are crossed within each language: the variance adds "
    "both sources and counts the residual once (Clark 1973). For worst, the lowest language of each run "
    "counts as chosen before. Records of older versions do not have the texts. Their intervals are over "
    "seeds only: if a language has few texts, the difference on other texts may lie outside the interval.",
    "One language: the variance over seeds is the common part of all languages, and the language's own part, "
    "which is shrunk towards the own parts of the other languages (moderated t; Smyth 2004).",
    "New languages are languages that students are trained on, like the languages of the study. Seeds and "
    "languages are both treated as random samples, crossed. The variance adds both sources. The interval is "
    "never narrower than the interval for these languages.",
    "Claim C1: copying and distilling come from the same sets of four arms, copied or random, on labels "
    "alone or distilled. Each effect is the mean of its two parts, one for each level of the other. The "
    "number of the claim is the difference of the two effects in magnitude, |I| - |D|. Copying matters more"
    " if its own test is below 5%, and I - D and I + D are both shown to have the sign of I, each at 5% (an"
    " intersection-union test). So no sign of an effect is chosen before. The end of the interval that is "
    "far from zero is Bonferroni's for two intervals. No claim is made if the parts of an effect have "
    "opposite signs. The main effects of init and alpha are over all arms: every set of matched arms counts"
    " once.",
    "The best arm is the winner if its test against every other arm is below 5%. No correction is needed, "
    "because the claim needs all of these tests.",
    "Many comparisons: Holm's method corrects p values over all effects of a kind; over the languages of "
    "one effect; over the four parts of copying and distilling, for the words helped and hurt; and, for the"
    " change of the copy's advantage with the data (claim C4), over the kinds of teacher_data. The p values"
    " of the steps to a score and of the shares of variance (F tests) are not corrected.",
    "No difference: the report claims that there is no difference if two one-sided tests at 5% (TOST, "
    "Schuirmann 1987) show that the difference is within {margin} of accuracy. That is so if "
    "the 90% interval lies inside this margin. These tests are not corrected for many comparisons, except "
    "the test of the best arm against the next arm, which is corrected for all pairs of arms (Bonferroni).",
    "The best arm: all arms are compared on the confirm seeds that all arms have. Arms that differ only in "
    "the seed of the teacher are one arm, the mean over its teachers.",
    "The teacher on test: retention is the accuracy of the student divided by the accuracy of its teacher. "
    "The figure of the arms divides accuracy by retention, which gives the accuracy of the teacher.",
    "Averages: an effect over cells of other factors names these factors. A curve is over the cells that "
    "all its points share. If no cell is shared by all points, points are left out that lack the cell that "
    "most points have.",
    "Missing numbers: a pruned, diverged or failed trial is counted under its outcome and has no accuracy. "
    "Nothing is imputed: a number that was not measured is a dash. Effects are over the arms, seeds and "
    "languages that all sides have.",
)


def audited(results: Results) -> Section:
    if not results.findings:
        text = "The audit found no reason against a comparison of these arms."
        return Section("Audit", (f"{text} The conditions at the top of the report hold.",))
    found = [(each.rule, each.arm or "all", each.text, each.remedy or None) for each in results.findings]
    rows = pd.DataFrame(found, columns=["rule", "arm", "finding", "command that lifts it"])
    note = "Each finding is a reason to name no winner."
    if any(REST in each.remedy for each in results.findings):
        note += f" {REST} stands for the rest of the command that began the study."
    table = make_table("audit", "Audit", rows, {}, note)
    return Section("Audit", (), (table,))


def method(results: Results) -> Section:
    return Section("How this was computed", (*_method(results), *_not_computed(results), *_steps(results)))


def _method(results: Results) -> Iterator[str]:
    margin = margin_text(results.record.margin)
    yield from (text.replace("{margin}", margin) for text in METHOD)


def _not_computed(results: Results) -> Iterator[str]:
    """Claims that the factors ask about and that have no number, each with the reason."""
    asked = {name: set(levels) for name, levels in results.factors.items()}
    if not {"random", "teacher"} <= asked.get("init", set()):
        return
    runs = "no seed has confirm runs of matched arms at both"
    if 1.0 in asked.get("alpha", set()) and results.claim.empty:
        yield f"Not computed: copying minus distilling (claim C1), because {runs} levels of init and alpha."
    if "data_fraction" in asked:
        there = set(results.advantage["teacher_data"])
        kinds = [kind for kind in results.factors.get("teacher_data", (None,)) if kind not in there]
        for kind in kinds:
            at = f" at teacher_data = {kind}" if kind else ""
            yield (
                f"Not computed: the change of the copy's advantage with the data (claim C4){at}, because "
                f"{runs} inits and two fractions."
            )
    there = results.convergence.dropna(subset=["estimate", "low"], how="all")["criterion"]
    for criterion in sorted(TARGETS.keys() - set(there)):
        yield (
            f"Not computed: the ratio of steps to {SHARE:.0%} of {TARGETS[criterion]} (claim C5), because no "
            "seed has learning curves of matched arms at both inits that show anything of these steps."
        )


def _steps(results: Results) -> Iterator[str]:
    """Learning curves hold only macro, so macro cannot be restricted to the languages that runs share."""
    scores = results.record.scores_of("confirm", "validation", results.record.metric)
    scores = scores[scores["key"].isin(results.learning()["key"]) & ~scores["language"].isin(SUMMARIES)]
    if scores.groupby("key")["language"].agg(frozenset).nunique() > 1:
        yield (
            "Steps to a score use macro validation accuracy as each run recorded it. These runs have "
            "different languages, so steps to the accuracy of another arm do not compare."
        )
