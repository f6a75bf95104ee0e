"""The saved views of a study: what a reader sees of it in MLflow's UI, one link each."""

from __future__ import annotations

from collections.abc import Sequence

from study.planning.plan import Plan
from study.selection import SEEN
from study.tracking.page.charts import MACRO, bar, line, parallel, scatter
from study.tracking.page.links import FIRST, LIST
from study.tracking.page.view import View
from study.tracking.rows import BEST

__all__ = ["views_of"]

ARMS = "tags.kdstudy.phase = 'arm'"
CONFIRMED = "tags.kdstudy.phase = 'confirm'"
SEARCHED = "tags.kdstudy.phase = 'search'"
# MLflow's filter has no "or": of the outcomes, failed, diverged and pruned end so.
FAILED = "tags.kdstudy.outcome LIKE '%ed' AND tags.kdstudy.outcome != 'pruned'"
DONE = "progress/ended"
GROUPS = ("seen_macro", "unseen_macro")
"""The summaries over seen and over unseen languages that have a chart."""


def views_of(plan: Plan, languages: Sequence[str]) -> list[View]:
    """The views of a study, the first one first.

    The numbers of arms stand in the arms' own runs, so their views show few runs, however many trials there
    are. Learning curves are those of confirm runs, grouped by arm.
    """
    languages = sorted(languages)
    if plan.space.varied:
        return _of_a_sweep(plan, languages)
    differ = [*plan.space.scientific, *plan.space.nuisance]
    params = [f"params.`{name}`" for name in differ]
    of_arms = [f"params.`{name}`" for name in plan.space.scientific]
    groups = GROUPS if any(plan.unseen_by(arm) for arm in plan.arms()) else ()
    titles, names = _titles(plan, languages), [*groups, *languages]
    accuracy = ["test/accuracy/macro", "test/accuracy/worst", *(f"test/accuracy/{n}" for n in names)]
    retention = ["test/accuracy/worst", "test/retention/macro", *(f"test/retention/{n}" for n in names)]
    curves = ["macro", *groups, "worst"]
    selecting = _selecting(plan)
    macro = f"metrics.`{selecting}`"
    return [
        View(
            FIRST,
            "Arms: test accuracy per language",
            ARMS,
            [bar(metric, titles.get(metric, "")) for metric in (accuracy[0], BEST, *accuracy[1:])],
            f"^(test/accuracy/|{BEST}$)",
            [*of_arms, *(f"metrics.`{metric}`" for metric in (*accuracy[: 2 + len(groups)], BEST, DONE))],
            order="tags.`mlflow.runName`",
            ascending=True,
        ),
        View(
            "kdstudy-curves",
            "Learning curves",
            CONFIRMED,
            [*(line(f"validation/accuracy/{name}") for name in curves), line("loss")],
            f"^(validation/accuracy/({'|'.join(curves)})|loss)$",
            [*params, macro],
            in_a_row=1,
            height=640,  # the UI reads the histories of the charts in sight: the fewer, the sooner
            group="kdstudy.arm",
        ),
        View(
            "kdstudy-search",
            "Search: what was tuned",
            SEARCHED,
            [parallel(differ, selecting), *(scatter(name, selecting) for name in plan.space.nuisance)],
            f"^({'|'.join(differ)})$",
            [*params, macro],
            in_a_row=1,
            order=macro,
        ),
        View(
            "kdstudy-languages",
            "Languages: worst and retention",
            ARMS,
            [bar(metric, titles.get(metric, "")) for metric in retention],
            "^test/(accuracy/worst|retention/)",
            [*of_arms, *(f"metrics.`{metric}`" for metric in retention[:2])],
            order="tags.`mlflow.runName`",
            ascending=True,
        ),
        _failures(),
    ]


def _selecting(plan: Plan) -> str:
    """The metric that selects among search trials; macro over all if some arms have no seen macro."""
    whole = plan.select_on == SEEN and all(plan.unseen_by(arm) for arm in plan.arms())
    return "validation/accuracy/seen_macro" if whole else MACRO


def _titles(plan: Plan, languages: Sequence[str]) -> dict[str, str]:
    """The titles of the charts of languages that some students are not trained on: metric -> title."""
    unseen = [plan.unseen_by(arm) for arm in plan.arms()]
    found = {}
    for language in languages:
        if without := sum(language in of_arm for of_arm in unseen):
            where = "unseen" if without == len(unseen) else "unseen in some arms"
            for metric in ("accuracy", "retention"):
                found[f"test/{metric}/{language}"] = f"{metric} {language} ({where})"
    return found


def _of_a_sweep(plan: Plan, languages: Sequence[str]) -> list[View]:
    """The views of a study that varies hyperparameters: its trials, because it has no confirm runs.

    The charts of languages are against the data fraction if that differs, and otherwise against the first
    varied hyperparameter.
    """
    differ = [*plan.space.scientific, *plan.space.varied, *plan.space.nuisance]
    against = "data_fraction" if "data_fraction" in differ else next(iter(plan.space.varied))
    params = [f"params.`{name}`" for name in differ]
    scores = [f"validation/accuracy/{name}" for name in ("worst", *languages)]
    return [
        View(
            FIRST,
            "Sweep: macro accuracy against what differs",
            SEARCHED,
            [parallel(differ), *(scatter(name) for name in differ)],
            f"^({'|'.join(differ)})$",
            [*params, f"metrics.`{MACRO}`"],
        ),
        View(
            "kdstudy-languages",
            f"Languages: accuracy against {against}",
            SEARCHED,
            [scatter(against, metric) for metric in scores],
            "^validation/accuracy/",
            [*params, *(f"metrics.`{metric}`" for metric in scores)],
        ),
        View(
            "kdstudy-curves",
            "Learning curves",
            SEARCHED,
            [line(MACRO), line("loss")],
            f"^({MACRO}|loss)$",
            [*params, f"metrics.`{MACRO}`"],
            in_a_row=1,
            height=640,
        ),
        _failures(),
    ]


def _failures() -> View:
    return View(
        LIST,
        "Failures",
        FAILED,
        columns=["tags.`kdstudy.why`", "tags.`kdstudy.arm`", f"metrics.`{MACRO}`"],
        group="kdstudy.outcome",  # without groups, the UI hides trials in the closed runs of their arms
    )
