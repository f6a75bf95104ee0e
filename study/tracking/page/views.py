"""The saved views of a study: what a reader sees of it in MLflow's UI, one link each."""

from __future__ import annotations

from collections.abc import Sequence

from study.planning.plan import Plan
from study.selection import SEEN
from study.tracking.page.charts import bar, line, macro_of, parallel, scatter
from study.tracking.page.links import FIRST, LIST
from study.tracking.page.view import View
from study.tracking.rows import best_of
from study.trial.scores import name_of

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
    front = _of_a_front(plan) if plan.space.costs else []
    if plan.space.varied:
        return [*_of_a_sweep(plan, languages), *front]
    differ = [*plan.space.scientific, *plan.space.nuisance]
    params = [f"params.`{name}`" for name in differ]
    of_arms = [f"params.`{name}`" for name in plan.space.scientific]
    groups = GROUPS if any(plan.unseen_by(arm) for arm in plan.arms()) else ()
    titles, names = _titles(plan, languages), [*groups, *languages]
    metric, best = plan.metric, best_of(plan.metric)
    scores = [f"test/{metric}/{name}" for name in ("macro", "worst", *names)]
    retention = [scores[1], "test/retention/macro", *(f"test/retention/{n}" for n in names)]
    curves = ["macro", *groups, "worst"]
    selecting = _selecting(plan)
    macro = f"metrics.`{selecting}`"
    return [
        View(
            FIRST,
            f"Arms: test {name_of(metric)} per language",
            ARMS,
            [bar(each, titles.get(each, "")) for each in (scores[0], best, *scores[1:])],
            f"^(test/{metric}/|{best}$)",
            [*of_arms, *(f"metrics.`{each}`" for each in (*scores[: 2 + len(groups)], best, DONE))],
            order="tags.`mlflow.runName`",
            ascending=True,
        ),
        View(
            "kdstudy-curves",
            "Learning curves",
            CONFIRMED,
            [*(line(f"validation/{metric}/{name}") for name in curves), line("loss")],
            f"^(validation/{metric}/({'|'.join(curves)})|loss)$",
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
            [bar(each, titles.get(each, "")) for each in retention],
            f"^test/({metric}/worst|retention/)",
            [*of_arms, *(f"metrics.`{each}`" for each in retention[:2])],
            order="tags.`mlflow.runName`",
            ascending=True,
        ),
        *front,
        _failures(macro_of(metric)),
    ]


def _of_a_front(plan: Plan) -> list[View]:
    """The views of a study with costs: its confirm runs, averaged over the seeds of each student of the
    front, and all trials of its search, each against every cost.
    """
    searched = [*plan.space.scientific, *plan.space.searched]
    params = [f"params.`{name}`" for name in searched]
    costs, test, macro = plan.space.costs, f"test/{plan.metric}/macro", macro_of(plan.metric)
    columns = [*(f"metrics.`{name}`" for name in (macro, *costs)), *params]
    called = name_of(plan.metric)
    search = View(
        "kdstudy-costs",
        f"Search: {called} against costs",
        SEARCHED,
        [scatter(cost, macro, "METRIC") for cost in costs],
        f"^({'|'.join(costs)})$",
        columns,
        in_a_row=min(len(costs), 2),
        order=f"metrics.`{macro}`",
    )
    if not plan.space.confirm_seeds:
        return [search]
    front = View(
        "kdstudy-front",
        f"Pareto front: test {called} against costs",
        CONFIRMED,
        [scatter(cost, test, "METRIC") for cost in costs],
        f"^({'|'.join(costs)})$",
        [f"metrics.`{test}`", *columns],
        in_a_row=min(len(costs), 2),
        group="kdstudy.tried",
        order=f"metrics.`{test}`",
    )
    return [front, search]


def _selecting(plan: Plan) -> str:
    """The metric that selects among search trials; macro over all if some arms have no seen macro."""
    whole = plan.select_on == SEEN and all(plan.unseen_by(arm) for arm in plan.arms())
    return f"validation/{plan.metric}/seen_macro" if whole else macro_of(plan.metric)


def _titles(plan: Plan, languages: Sequence[str]) -> dict[str, str]:
    """The titles of the charts of languages that some students are not trained on: metric -> title."""
    unseen = [plan.unseen_by(arm) for arm in plan.arms()]
    found = {}
    for language in languages:
        if without := sum(language in of_arm for of_arm in unseen):
            where = "unseen" if without == len(unseen) else "unseen in some arms"
            for metric in (plan.metric, "retention"):
                found[f"test/{metric}/{language}"] = f"{name_of(metric)} {language} ({where})"
    return found


def _of_a_sweep(plan: Plan, languages: Sequence[str]) -> list[View]:
    """The views of a study that varies hyperparameters: its trials, because it has no confirm runs.

    The charts of languages are against the data fraction if that differs, and otherwise against the first
    varied hyperparameter. The order is by a metric: by its start, the UI hides a trial in the run of its arm.
    """
    differ = [*plan.space.scientific, *plan.space.varied, *plan.space.nuisance]
    against = "data_fraction" if "data_fraction" in differ else next(iter(plan.space.varied))
    params = [f"params.`{name}`" for name in differ]
    metric, of_macro = plan.metric, macro_of(plan.metric)
    macro = f"metrics.`{of_macro}`"
    scores = [f"validation/{metric}/{name}" for name in ("worst", *languages)]
    return [
        View(
            FIRST,
            f"Sweep: macro {name_of(metric)} against what differs",
            SEARCHED,
            [*(scatter(name, of_macro) for name in differ), parallel(differ, of_macro)],
            f"^({'|'.join(differ)})$",
            [*params, macro],
            order=macro,
        ),
        View(
            "kdstudy-languages",
            f"Languages: {name_of(metric)} against {against}",
            SEARCHED,
            [scatter(against, each) for each in scores],
            f"^validation/{metric}/",
            [*params, *(f"metrics.`{each}`" for each in scores)],
            order=macro,
        ),
        View(
            "kdstudy-curves",
            "Learning curves",
            SEARCHED,
            [line(of_macro), line("loss")],
            f"^({of_macro}|loss)$",
            [*params, macro],
            in_a_row=1,
            height=640,
            order=macro,
        ),
        _failures(of_macro),
    ]


def _failures(of_macro: str) -> View:
    return View(
        LIST,
        "Failures",
        FAILED,
        columns=["tags.`kdstudy.why`", "tags.`kdstudy.arm`", f"metrics.`{of_macro}`"],
        group="kdstudy.outcome",  # without groups, the UI hides trials in the closed runs of their arms
    )
