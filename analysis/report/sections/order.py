"""All sections, in the order in which the report shows them."""

from __future__ import annotations

from analysis.report.sections.arms import accuracy_by_language, arms
from analysis.report.sections.data import data_and_models
from analysis.report.sections.effects import copying, effects_by_language, main_effects, variance
from analysis.report.sections.factors import alpha_and_temperature, data_fraction, depth, size
from analysis.report.sections.front import front
from analysis.report.sections.method import audited, method
from analysis.report.sections.registration import registration
from analysis.report.sections.search import hyperparameters, replayed, search_budget
from analysis.report.sections.section import Section
from analysis.report.sections.sweep import (
    sweep_effects,
    sweep_languages,
    sweep_model,
    sweep_pairs,
    sweep_predictions,
)
from analysis.report.sections.training import convergence
from analysis.report.sections.tuning import tuning
from analysis.report.sections.unseen import seen_and_unseen
from analysis.report.sections.worded import worded
from analysis.verdict.results import Results

__all__ = ["sections"]

ORDER = (
    front,
    arms,
    copying,
    seen_and_unseen,
    main_effects,
    variance,
    effects_by_language,
    accuracy_by_language,
    data_fraction,
    convergence,
    depth,
    alpha_and_temperature,
    size,
    tuning,
    search_budget,
    hyperparameters,
    replayed,
    registration,
    audited,
    method,
    data_and_models,
)


OF_A_SWEEP = (
    sweep_effects,
    sweep_pairs,
    sweep_predictions,
    front,
    sweep_languages,
    sweep_model,
    registration,
    audited,
    data_and_models,
)


def sections(results: Results) -> list[Section]:
    """The sections that have a text, a table or a drawing."""
    wanted = ORDER if results.sweep is None else OF_A_SWEEP
    made = [worded(section(results), results.record.metric) for section in wanted]
    return [section for section in made if section.text or section.tables or section.drawings]
