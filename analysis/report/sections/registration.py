"""The section on the registration of the study, and on other readers of its test texts."""

from __future__ import annotations

from analysis.report.sections.section import Section
from analysis.verdict.registered import readings_of_test, registered
from analysis.verdict.results import Results

__all__ = ["registration"]


def registration(results: Results) -> Section:
    """What was fixed before the first trial, and how often test was read."""
    return Section("Registration", (registered(results.record), readings_of_test(results.record)))
