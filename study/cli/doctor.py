"""`kdstudy doctor`: is this place fit to run a study: versions, GPU, storage, ports, authentication."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from study.cli.console import listing, print_table
from study.cli.options import DEFAULT_HOME, ClusterOption, HomeOption

if TYPE_CHECKING:
    from cluster import Cluster
    from study.home import Home

__all__ = ["Finding", "doctor", "examine"]

PACKAGES = ("torch", "transformers", "datasets", "ray", "optuna", "mlflow")
ENOUGH_DISK = 5 * 2**30  # bytes; a study of small students takes far less


def doctor(home: HomeOption = DEFAULT_HOME, cluster: ClusterOption = "local") -> None:
    """Is this place fit to run a study?

    Examples:

    kdstudy doctor
    kdstudy doctor --cluster running
    """
    from study.home import Home

    findings = examine(Home.at(home), cluster)
    print_table(listing(["", "what", "found"], [[f.verdict, f.what, f.found] for f in findings]))
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)


@dataclass(frozen=True)
class Finding:
    """One line of the examination: `note` is good to know, and `bad` stops a study."""

    verdict: Literal["ok", "note", "bad"]
    what: str
    found: str


def examine(home: Home, cluster: str) -> list[Finding]:
    """Examine everything, and leave nothing behind."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _versions,
        _processors,
        lambda: _storage(home.root),
        _ports,
        lambda: _authentication(cluster),
    ]
    return [finding for check in checks for finding in check()]


def _versions() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok" if sys.version_info >= (3, 11) else "bad", "python", version)
    for package in PACKAGES:
        try:
            yield Finding("ok", package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding("bad", package, "not installed")
    owners = metadata.packages_distributions()
    for name in ("study", "cluster", "analysis", "search_spaces"):
        if others := set(owners.get(name, [])) - {"kdstudy"}:
            yield Finding("bad", f"import name {name}", f"also claimed by {', '.join(sorted(others))}")


def _processors() -> Iterator[Finding]:
    import torch

    from cluster.local import usable_cpus

    yield Finding("ok", "CPUs", str(usable_cpus()))
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        yield Finding("ok", "GPUs", ", ".join(names))
        bf16 = torch.cuda.is_bf16_supported()
        yield Finding("ok" if bf16 else "note", "bf16", "yes" if bf16 else "no: float32 is used")
    else:
        yield Finding("note", "GPUs", "none: trials run on CPU")


def _storage(root: Path) -> Iterator[Finding]:
    from study.storage.artifacts import write_atomically

    folder = next(p for p in (root, *root.parents) if p.exists())
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".kdstudy-doctor-") as scratch:
            write_atomically(Path(scratch) / "probe", b"probe")
        yield Finding("ok", "home is writable", str(root))
    except OSError as error:
        yield Finding("bad", "home is writable", f"{root}: {error.strerror}")
    free = shutil.disk_usage(folder).free
    verdict: Literal["ok", "note"] = "ok" if free >= ENOUGH_DISK else "note"
    yield Finding(verdict, "free disk", f"{free / 2**30:.1f} GiB")


def _ports() -> Iterator[Finding]:
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
        yield Finding("ok", "loopback ports", "can be bound")
    except OSError as error:
        yield Finding("bad", "loopback ports", str(error.strerror))


def _joined(cluster: Cluster) -> Finding:
    """Join the running Ray of `cluster`, and leave it again."""
    from study.driver.joining import located
    from study.driver.ray_cluster import connected
    from study.driver.waiting import resources_now
    from study.errors import RequestError

    try:
        there = located(cluster)
        with connected(there):
            return Finding("ok", "cluster", f"{there.description}: {resources_now()}")
    except RequestError as error:
        return Finding("bad", "cluster", str(error))


def _authentication(cluster: str) -> Iterator[Finding]:
    from cluster import Place, find_cluster

    try:
        found = find_cluster(cluster)
    except LookupError as error:
        yield Finding("bad", "cluster", str(error.args[0]))
        return
    if isinstance(found, Place):
        tool = shutil.which(found.tool)
        where = f"{found.description}; {found.tool} " + ("is here" if tool else "is not on the path here")
        yield Finding("ok" if tool else "bad", "cluster", where)
        return
    yield Finding("ok", "cluster", found.description) if cluster == "local" else _joined(found)
    mode = os.environ.get("RAY_AUTH_MODE", "unset")
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    has_token = "a token file" if token.exists() else "no token file"
    if cluster != "local" and mode == "unset" and token.exists():
        advice = "export RAY_AUTH_MODE=token on every node and here, or attaching may fail"
        yield Finding("note", "Ray authentication", advice)
    else:
        yield Finding("ok", "Ray authentication", f"RAY_AUTH_MODE {mode}, {has_token}")
