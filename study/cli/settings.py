"""`kdstudy settings`: what can be set: hyperparameters, and the names that they and options take."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli import completion
from study.cli.console import listing, print_json, print_table, say
from study.cli.options import OUTPUT, JsonOption
from study.errors import RequestError, did_you_mean

if TYPE_CHECKING:
    from study.cli.catalogue import Setting

__all__ = ["settings"]


def settings(
    name: Annotated[
        str | None,
        typer.Argument(
            help="One of the names; the default is all names.", autocompletion=completion.settings
        ),
    ] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[
        bool,
        typer.Option(
            "--markdown",
            help="Print Markdown alone, as in search_spaces/README.md and cluster/README.md.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
) -> None:
    """What can be set: hyperparameters, init methods, layer maps, losses, samplers, pruners, costs, clusters.

    Examples:

    kdstudy settings
    kdstudy settings temperature
    kdstudy settings slurm
    kdstudy settings --json
    """
    from study.cli.catalogue import catalogue, markdown, options_at

    known = catalogue()
    found = known if name is None else [setting for setting in known if setting.name == name]
    if not found:
        names = list(dict.fromkeys(setting.name for setting in known))
        hint = did_you_mean(str(name), names)
        raise RequestError(f"{name}: no such setting{hint}; there are {', '.join(names)}")
    options = [] if name is None else options_at(name)
    if as_json:
        print_json([asdict(setting) for setting in [*found, *options]])
    elif as_markdown:
        print(markdown([*found, *options]))
    elif name is None:
        _print_all(found)
    else:
        for setting in found:
            _print_one(setting)
        if options:
            rows = [[option.name, option.default, option.about] for option in options]
            print_table(listing(["--place", "default", "what it does"], rows))


def _print_all(found: list[Setting]) -> None:
    fields = [s for s in found if s.kind == "hyperparameter"]
    rows = [[s.name, s.default, s.values, s.about] for s in fields]
    print_table(listing(["hyperparameter", "default", "values", "what it does"], rows), 1)
    others = [[s.kind, s.name, s.about] for s in found if s.kind != "hyperparameter"]
    print_table(listing(["kind", "name", "what it does"], others), 2)
    say("kdstudy settings NAME shows one name in full, with the role that it may have in a search space")


def _print_one(setting: Setting) -> None:
    facts = {
        "kind": setting.kind,
        "what it does": setting.about,
        "default": setting.default,
        "values": setting.values,
        "role": setting.role,
        "given by": setting.given,
    }
    print_table(listing([setting.name, ""], [[fact, text] for fact, text in facts.items() if text]))
