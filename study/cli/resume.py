"""`kdstudy resume`: go on with a study by its name; the ledger holds the request."""

from __future__ import annotations

from typing import Annotated

import typer

from study.cli.options import DEFAULT_HOME, WHAT, HomeOption, StudyArgument
from study.cli.run import drive, find_finished, print_end, stoppable

__all__ = ["resume"]


def resume(
    name: StudyArgument,
    home: HomeOption = DEFAULT_HOME,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run every failed trial once more.", rich_help_panel=WHAT)
    ] = False,
) -> None:
    """Go on with a study that was interrupted: the same as to run it again.

    Examples:

    kdstudy resume quickstart
    kdstudy resume depth --retry-failed
    """
    from study.home import Home

    with stoppable():
        the_home = Home.at(home)
        found = find_finished(the_home, name)
        if found is not None and not (retry_failed and found["failed"]):
            return print_end(found, the_home, name)

        from study.ledger.study import OpenStudy
        from study.planning.resolve import resolve_again

        plan = OpenStudy.at(the_home, name, waits=True).ledger.require_plan()
        return drive(resolve_again(plan, the_home.store), the_home, {}, retry_failed)
