"""What the shell completes: names of spaces, tasks, clusters, hyperparameters, and studies in the home.

Typer calls a function here when the user presses the tab key; so each one imports what it needs, and nothing
that is slow.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

__all__ = [
    "clusters",
    "hyperparameters",
    "place_options",
    "pruners",
    "samplers",
    "settings",
    "spaces",
    "studies",
    "tasks",
]


def spaces(incomplete: str) -> list[str]:
    """The search spaces; files are the shell's business."""
    from study.planning.spaces import registered_spaces

    return _that_begin(registered_spaces(), incomplete)


def tasks(incomplete: str) -> list[str]:
    """The registered tasks."""
    from study.trial.data.sources import registered_tasks

    return _that_begin((task.name for task in registered_tasks()), incomplete)


def clusters(incomplete: str) -> list[str]:
    """The clusters."""
    from cluster import registered_clusters

    return _that_begin(registered_clusters(), incomplete)


def place_options(context: typer.Context, incomplete: str) -> list[str]:
    """The options of the place that the command line names so far, each with its equals sign."""
    from cluster import Place, registered_clusters

    name = context.params.get("cluster") or context.params.get("elsewhere") or ""
    place = registered_clusters().get(name)
    fields = place.options.model_fields if isinstance(place, Place) else ()
    return _that_begin((f"{field}=" for field in fields), incomplete)


def hyperparameters(incomplete: str) -> list[str]:
    """The keys of `--set`, each with its equals sign."""
    from study.config import TrialConfig
    from study.space import NOT_SEARCHED

    return _that_begin((f"{n}=" for n in TrialConfig.model_fields if n not in NOT_SEARCHED), incomplete)


def samplers(incomplete: str) -> list[str]:
    """The samplers."""
    from study.planning import samplers as registry

    return _that_begin(registry.samplers(), incomplete)


def pruners(incomplete: str) -> list[str]:
    """The pruners."""
    from study.planning import pruners as registry

    return _that_begin(registry.pruners(), incomplete)


def settings(incomplete: str) -> list[str]:
    """Every name that `kdstudy settings` knows."""
    from study.cli.catalogue import catalogue

    return _that_begin((setting.name for setting in catalogue()), incomplete)


def studies(context: typer.Context, incomplete: str) -> list[str]:
    """The studies in the home that the command line names so far, in KDSTUDY_HOME, or in the default home."""
    from study.home import Home

    home = context.params.get("home") or context.params.get("homes") or ()
    roots = home if isinstance(home, list | tuple) else [home]
    return _that_begin((name for root in roots for name in Home.at(Path(root)).studies()), incomplete)


def _that_begin(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
