"""What the options of a command request: as a request, and as a study with everything that is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from study.cli.budget import Budget
from study.cli.options import OnWhat, Where
from study.config import LANGUAGES
from study.errors import RequestError

if TYPE_CHECKING:
    from study.planning.request import Request
    from study.planning.resolve import Resolved

__all__ = ["language_settings", "request_of", "resolved"]


def request_of(space: str, on: OnWhat, where: Where | None = None) -> Request:
    """The request that the options make; its folders are absolute."""
    from study.planning.request import Request, absolute, absolute_file

    codes = None if on.languages is None else [code.strip() for code in on.languages.split(",")]
    names = ("concurrency", "cpus_per_trial", "gpus_per_trial", "artifacts")
    return Request(
        space=space,
        task=absolute(on.task),
        model=absolute(on.model),
        teacher=absolute(on.teacher) if on.teacher else "",
        languages=None if codes is None else tuple(code for code in codes if code),
        drop_shared=on.drop_shared,
        full_vocabulary=on.full_vocabulary,
        **({} if where is None else {name: getattr(where, name) for name in names}),
        cluster="local" if where is None else absolute_file(where.cluster),
    )


def language_settings(on: OnWhat, settings: Sequence[str] | None) -> list[str]:
    """The `settings` of `--set`, and `--train-languages` and `--teacher-languages` as settings after them.

    Raises:
        RequestError: if an option names no language, or `--set` has the same hyperparameter.
    """
    found = list(settings or [])
    for name in LANGUAGES:
        if (text := getattr(on, name)) is None:
            continue
        option = f"--{name.replace('_', '-')}"
        codes = [code.strip() for code in text.split(",") if code.strip()]
        if not codes:
            raise RequestError(f"{option}: names no language")
        if any(setting.partition("=")[0] == name for setting in found):
            raise RequestError(f"{option}: --set {name} is given too; give one of the two")
        found.append(f"{name}={'+'.join(codes)}")
    return found


def resolved(space: str, budget: Budget, on: OnWhat, where: Where) -> Resolved:
    """The study that the options of `plan` or `run` request. Writes nothing.

    Raises:
        RequestError: if the request cannot be served; the text names the reason in one line.
    """
    from study.home import Home
    from study.planning.changes import exclude, override, tie, vary, with_budget, with_objectives
    from study.planning.enqueued import with_points
    from study.planning.resolve import resolve
    from study.planning.shares import check_distinct
    from study.planning.spaces import load_space
    from study.planning.trained import check_selectable

    space_name, the_space = load_space(space)
    given = {
        name: getattr(budget, name) for name in ("trials", "confirm_seeds", "sampler", "pruner", "reports")
    }
    if budget.objective is not None:
        the_space = with_objectives(the_space, budget.objective, budget.sampler)
    settings = language_settings(on, budget.settings)
    if settings or budget.vary:  # the sampler is checked with the ranges as they will be
        the_space = the_space.model_copy(update={"sampler": budget.sampler or the_space.sampler})
    if settings:
        the_space = override(the_space, settings)
    if budget.vary:
        the_space = vary(the_space, budget.vary)
    the_space = with_budget(the_space, given)
    if budget.tie:
        the_space = tie(the_space, budget.tie)
    if budget.exclude:
        the_space = exclude(the_space, budget.exclude)
    if budget.enqueue is not None:
        the_space = with_points(the_space, budget.enqueue)
    home = Home.at(where.home)
    if budget.from_study is not None:
        from study.ledger.from_study import with_best_of

        the_space = with_best_of(the_space, home, budget.from_study)
    name = space_name if budget.name is None else budget.name
    try:
        home.study(name)  # refuses a text that is no name
    except RequestError as error:
        if budget.name is not None:
            raise
        raise RequestError(f"{space}: gives the study its name; {error}") from None
    home.check_databases(name, where.given_urls)
    request = replace(request_of(space_name, on, where), from_study=budget.from_study or "")
    found = resolve(request, name, the_space, home.store)
    if name not in home.studies():  # a study that has begun goes on, with the arms that it has
        check_distinct(found.plan, found.shares)
    if (
        budget.objective is not None
        and (score := budget.objective.split(",")[0].strip()) != found.plan.metric
    ):
        raise RequestError(f"--objective {score}: students of this task are compared by {found.plan.metric}")
    if the_space.costs and (budget.tunings or 1) > 1:
        raise RequestError(
            "--tunings: must be 1 if there are costs, because a front has no single best values"
        )
    if the_space.varied and (budget.tunings or 1) > 1:
        raise RequestError("--tunings: must be 1 if hyperparameters are varied, because nothing is tuned")
    exact_ones = ("trials", "confirm_seeds", "seed_block", "tunings", "select_on")
    options = {each: getattr(budget, each) for each in exact_ones}
    options["margin"] = None if budget.margin is None else budget.margin / 100
    exact = tuple(each for each, value in options.items() if value is not None)
    own = {each: options[each] for each in exact if each not in ("trials", "confirm_seeds")}
    found = replace(found, plan=found.plan.model_copy(update=own | {"exact": exact}))
    if name not in home.studies():
        check_selectable(found.plan, found.task)
    return found
