"""Places to run: one file for each, which exports CLUSTER. Nothing here imports the engine.

A `Cluster` is a Ray that the study starts or attaches to. A `Place` submits: a scheduler or a cloud starts
Ray there, and then the study, which attaches to that Ray. A new place is a new file, and
`kdstudy run ... --cluster NAME` takes its name. `--cluster HOST:PORT` attaches to the Ray that listens there.
"""

from __future__ import annotations

import importlib
import pkgutil
import shlex
import sys
from dataclasses import dataclass, field
from typing import Any

from cluster.submission.place import Place

__all__ = ["Cluster", "Place", "check_address", "find_cluster", "registered_clusters", "workers"]


@dataclass(frozen=True)
class Cluster:
    """How to reach a Ray: one line of `description`, and the keyword arguments of `ray.init`."""

    description: str
    ray_init: dict[str, Any] = field(default_factory=dict)


def workers(python: str = sys.executable) -> dict[str, Any]:
    """The keyword arguments of `ray.init` with which workers find the interpreter `python`.

    Ray writes the path of Python into a shell command unchanged, so a path with a space must be quoted.
    """
    quoted = shlex.quote(python)
    return {} if python == quoted else {"runtime_env": {"py_executable": quoted}}


def registered_clusters() -> dict[str, Cluster | Place]:
    """The places in this package, by file name."""
    return {
        module.name: importlib.import_module(f"cluster.{module.name}").CLUSTER
        for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name)
        if not module.ispkg
    }


def find_cluster(name: str) -> Cluster | Place:
    """The place called `name`, or the running Ray at the address `name`.

    Raises:
        LookupError: if there is no such cluster; the text names the clusters that exist.
    """
    clusters = registered_clusters()
    if name in clusters:
        return clusters[name]
    if ":" in name:
        check_address(name)
        return Cluster(f"the running Ray at {name}", {"address": name} | workers())
    raise LookupError(
        f"{name}: no such cluster; there are {', '.join(clusters)}, or HOST:PORT of a running Ray"
    )


def check_address(address: str) -> None:
    """Check that `address` is HOST:PORT.

    Raises:
        LookupError: if it is not; the text names what to give instead.
    """
    scheme, its, rest = address.partition("://")
    if its:
        host = rest.rpartition(":")[0] or rest or "HOST"
        raise LookupError(
            f"{address}: a study does not run through {scheme}://; on a machine of the cluster give the "
            f"address of its head, such as {host}:6379"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise LookupError(f"{address}: must be HOST:PORT, such as {host or 'HOST'}:6379")
