"""What stands against the answer, how the numbers were computed, and what they were computed from."""

from __future__ import annotations

import pandas as pd

from analysis.results import Results
from analysis.sections.section import Section
from analysis.tables import make_table

__all__ = ["audited", "method", "versions"]

PLACES = {"cluster", "concurrency", "cpus_per_trial", "gpus_per_trial"}
"""Facts that say where trials ran; they decide no number."""

METHOD = (
    "Estimand: the difference of mean test accuracy between arms at the nuisance values that each arm's own "
    "search selected on validation, for this teacher, on fresh seeds. Test accuracy is read in confirm runs "
    "alone; these are never pruned. Macro is the mean over languages, worst the lowest language.",
    "Pairing: confirm seed i of one arm and seed i of another have the same data sample, so differences are "
    "taken seed by seed, averaged over matched arms, and get a Student t interval over seeds. Percentile "
    "bootstrap intervals are too narrow with few seeds and are not used.",
    "New languages: seeds and languages are both taken as random samples, crossed; the variance adds both.",
    "Many comparisons: p values are corrected by Holm's method over all effects of a kind, over the "
    "languages of one effect, and over all pairs of arms when the best is compared with the others. "
    "Uncorrected are those of how the copy's advantage changes with the data, of the steps to a score, and "
    "of the shares of variance (F tests).",
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
    return Section("How this was computed", METHOD)


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
