"""`kdstudy resume`: go on with a study by its name; the ledger holds the request."""

from __future__ import annotations

from typing import Annotated

import typer

from study.cli import completion
from study.cli.options import DEFAULT_HOME, WHAT, WHERE, HomeOption, RegisterOption, StudyArgument
from study.cli.publish import check_register
from study.cli.run import drive, find_finished, print_end, stoppable
from study.cli.submit import There
from study.errors import RequestError

__all__ = ["resume"]


def resume(
    name: StudyArgument,
    there: There,
    home: HomeOption = DEFAULT_HOME,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run every failed trial once more.", rich_help_panel=WHAT)
    ] = False,
    elsewhere: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="NAME",
            help="Go on there, and remember it; the default is the cluster of the last run.",
            rich_help_panel=WHERE,
            autocompletion=completion.clusters,
        ),
    ] = None,
    register: RegisterOption = None,
) -> None:
    """Go on with a study that was interrupted: the same as to run it again.

    Examples:

    kdstudy resume quickstart
    kdstudy resume depth --retry-failed
    kdstudy resume depth --cluster 10.0.0.7:6379
    kdstudy resume depth --cluster slurm --place nodes=2
    """
    from study.home import Home
    from study.ledger.study import OpenStudy

    with stoppable():
        check_register(register)
        the_home = Home.at(home)
        try:
            submission = there.at(elsewhere)
        except RequestError:
            OpenStudy.at(the_home, name, looks=True)  # that there is no such study is said first
            raise
        if submission is not None and not submission.is_here:
            return submission.hand_over(name, the_home)
        found = None if submission is not None and submission.prints else find_finished(the_home, name)
        if found is not None and not (retry_failed and found["failed"]):
            return print_end(found, the_home, name, register)

        from study.planning.request import absolute_file
        from study.planning.resolve import resolve_again

        plan = OpenStudy.at(the_home, name, waits=True, looks=True).ledger.require_plan()
        if submission is not None:
            return submission.hand_over(name, the_home)
        if elsewhere is not None:
            plan = plan.model_copy(update={"request": plan.request | {"cluster": absolute_file(elsewhere)}})
        return drive(resolve_again(plan, the_home.store), the_home, {}, retry_failed, register)
