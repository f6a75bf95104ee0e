"""Places to run: one file for each, which exports CLUSTER. Nothing here imports the engine.

A new place is a new file, and `kdstudy run ... --cluster NAME` takes its name. `--cluster HOST:PORT` attaches
to the Ray that listens there.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Cluster", "find_cluster", "registered_clusters"]


@dataclass(frozen=True)
class Cluster:
    """How to reach a Ray: one line of `description`, and the keyword arguments of `ray.init`."""

    description: str
    ray_init: dict[str, Any] = field(default_factory=dict)


def registered_clusters() -> dict[str, Cluster]:
    """The clusters in this package, by file name."""
    return {
        module.name: importlib.import_module(f"cluster.{module.name}").CLUSTER
        for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name)
    }


def find_cluster(name: str) -> Cluster:
    """The cluster called `name`, or the running Ray at the address `name`.

    Raises:
        LookupError: if there is no such cluster; the text names the clusters that exist.
    """
    clusters = registered_clusters()
    if name in clusters:
        return clusters[name]
    if ":" in name:
        return Cluster(f"the running Ray at {name}", {"address": name})
    raise LookupError(
        f"{name}: no such cluster; there are {', '.join(clusters)}, or HOST:PORT of a running Ray"
    )
