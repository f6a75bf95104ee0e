"""The roles of a plan as tables: what makes arms, is varied, tuned or held, and which languages are seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from study.planning.plan import Plan

__all__ = ["model_lines", "role_tables", "sight_rows"]

FEW = 6
"""So many languages are named in a cell."""


def role_tables(plan: Plan) -> Iterator[tuple[str, str, list[list[str]]]]:
    """For each role, the heads of its table, and its hyperparameters with their values."""
    space, by = plan.space, f"by {plan.space.sampler} search"
    levels = [[name, ", ".join(map(str, values))] for name, values in space.scientific.items()]
    yield (
        "scientific, makes the arms",
        "levels",
        [*levels, *(["together", _together(group)] for group in space.tied)],
    )
    yield "varied, the report has the effect", f"{by}, over", _shown(space.varied)
    how = "varied too, effects are at its best" if space.varied else "tuned per arm"
    yield f"nuisance, {how}", f"{by}, from", _shown(space.nuisance)
    yield "fixed, a caveat", "at", _shown(plan.held())


def model_lines(plan: Plan) -> Iterator[str]:
    """From how many trials on the report has an answer, if hyperparameters are varied."""
    if not plan.space.varied:
        return
    from analysis.record.domain import Domain
    from analysis.sweep.factors import factors_of
    from analysis.sweep.model import fewest_trials

    def domains(named: Mapping[str, Any]) -> dict[str, Domain]:
        return {name: Domain.parse(str(domain)) for name, domain in named.items()}

    space = plan.space
    fewest = fewest_trials(factors_of(space.scientific, domains(space.varied), domains(space.nuisance)))
    yield (
        f"the report has the effect of each factor from {fewest[0]} trials on, and shows which factors work "
        f"together from {fewest[-1]} on; trials at chance do not count"
    )


def sight_rows(plan: Plan) -> list[list[str]]:
    """The languages that students and teachers are trained on, and the others; empty if there are no others.

    Each row is of one list of languages: whose it is, which languages it has if these are few, and otherwise
    how many.
    """
    rows: dict[tuple[str, str], list[str]] = {}
    for arm in plan.arms():
        draft = plan.draft(arm, {})
        shown = plan.shown(draft)
        for field, whose in (("train_languages", "students"), ("teacher_languages", "teachers")):
            if field in shown and (unseen := plan.languages.unseen(content := getattr(draft, field))):
                seen = plan.languages.seen(content)
                row = [f"{whose}, {shown[field]}", _few(seen), _few(unseen)]
                rows.setdefault((whose, content), row)
    students = [row for (whose, _), row in rows.items() if whose == "students"]
    teachers = [row for (whose, _), row in rows.items() if whose == "teachers"]
    return [*students, *teachers]


def _shown(values: Mapping[str, Any]) -> list[list[str]]:
    """Names and values; levels with commas between them."""
    return [
        [name, ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)]
        for name, value in values.items()
    ]


def _together(group: Sequence[Mapping[str, Any]]) -> str:
    """The combinations of a group of tied values."""
    return "; ".join(" ".join(f"{name}={value}" for name, value in each.items()) for each in group)


def _few(languages: Sequence[str]) -> str:
    """The languages if they are few, and otherwise how many, with the first ones."""
    if len(languages) <= FEW:
        return ", ".join(languages)
    return f"{len(languages)}: {', '.join(languages[:FEW])}, ..."
