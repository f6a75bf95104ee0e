"""The section on data and models: texts, task, models, code, libraries, hardware."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pandas as pd

from analysis.record.design import confirm_runs
from analysis.record.formats import count
from analysis.record.languages import ordered
from analysis.record.study_record import StudyRecord
from analysis.report.sections.section import Section
from analysis.report.tables import Format, Table, make_table
from analysis.verdict.results import Results

__all__ = ["data_and_models"]

PLACES = {"cluster", "concurrency", "cpus_per_trial", "gpus_per_trial"}
"""Facts about the place where trials ran; they decide no number."""

SPLITS = ("train", "validation", "test")


def data_and_models(results: Results) -> Section:
    """How many texts there are, and the facts of the study, by content: fingerprints, never a path.

    A hyperparameter with a role is not a fact: its values are in the trials, and its default would contradict
    them.
    """
    record = results.record
    left_out = PLACES | record.scientific.keys() | record.nuisance.keys() | record.fixed.keys()
    left_out |= record.varied.keys()
    facts = {name: _without_path(text) for name, text in record.facts.items() if name not in left_out}
    facts = {name: text for name, text in facts.items() if text not in ("", "None")}
    facts["languages on test"] = ", ".join(results.languages)
    rows = [*sorted(facts.items()), *_computed(record)]
    table = pd.DataFrame([row for row in rows if row[1]], columns=["fact", "value"])
    title = "Data and models"
    return Section(title, (), (*_texts(record), make_table("versions", "Task, models and versions", table)))


def _texts(record: StudyRecord) -> tuple[Table, ...]:
    """Texts by language and split; no table if the record of the study does not have them."""
    counts = {split: found for split in SPLITS if (found := _counted(record.about.get(f"texts.{split}", "")))}
    languages = ordered({language for of_split in counts.values() for language in of_split})
    if not languages:
        return ()
    frame = pd.DataFrame(
        {split: [of_split.get(language) for language in languages] for split, of_split in counts.items()},
        index=pd.Index(languages, name="language"),
    )
    if len(languages) > 1:
        frame.loc["all languages"] = frame.sum()
    formats: dict[str, Format] = {"language": str} | dict.fromkeys(counts, count)
    note = "Texts of the task. A student whose data_fraction is below 1 sees a share of the training texts."
    return (make_table("texts", "Texts by language and split", frame.reset_index(), formats, note),)


def _counted(text: str) -> dict[str, int]:
    """The texts of each language; empty if they are not on record, or two homes differ in them."""
    try:
        return {str(language): int(number) for language, number in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError):
        return {}


def _computed(record: StudyRecord) -> Iterator[tuple[str, str]]:
    """On what the numbers were computed: the commit, the libraries, the hardware of the confirm runs."""
    yield "commit", record.about.get("git", "")
    runs = [_pairs(text) for text in confirm_runs(record)["numerics"].dropna().unique()]
    versions = _pairs(record.about.get("versions", ""))
    if not versions:  # a study of an older version
        versions = {
            name: ", ".join(dict.fromkeys(run[name] for run in runs if name in run))
            for name in ("torch", "transformers")
        }
    yield from ((f"version of {name}", version.rstrip(";")) for name, version in versions.items())
    yield "hardware of the confirm runs", "; ".join(dict.fromkeys(map(_hardware, runs)))


def _hardware(run: dict[str, str]) -> str:
    threads = run.get("threads", "")
    parts = [run.get("device", ""), run.get("capability", ""), run.get("dtype", "")]
    parts.append(f"{threads} thread{'s' * (threads != '1')}" if threads else "")
    return ", ".join(part for part in parts if part)


def _pairs(text: str) -> dict[str, str]:
    """`name=value name=value`; the name of a GPU contains spaces."""
    return dict(re.findall(r"(\S+?)=(.*?)(?= \S+?=|$)", text))


def _without_path(text: str) -> str:
    """A file or folder by its name alone: its place is no part of the result."""
    absolute = text.startswith(("/", "\\", "~")) or text[1:3] in (":/", ":\\")
    return text.replace("\\", "/").rstrip("/").rpartition("/")[2] if absolute else text
