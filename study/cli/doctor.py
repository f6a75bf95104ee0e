"""`kdstudy doctor`: is this place fit to run a study: this machine, and the machines of a cluster."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from study.cli.console import listing, print_table
from study.cli.machines import ENOUGH_DISK, Finding, of_machines
from study.cli.options import DEFAULT_HOME, ClusterOption, HomeOption
from study.cli.submit import There

if TYPE_CHECKING:
    from cluster import Cluster
    from study.home import Home

__all__ = ["doctor", "examine"]

PACKAGES = ("torch", "transformers", "datasets", "ray", "optuna", "mlflow")


def doctor(
    there: There,
    home: HomeOption = DEFAULT_HOME,
    cluster: ClusterOption = "local",
) -> None:
    """Is this place fit to run a study?

    A Ray that runs is joined, and each of its machines is examined. At a place that submits, this command is
    submitted with the options of the place, and examines the machines that the place gives.

    Examples:

    kdstudy doctor
    kdstudy doctor --cluster HOST:PORT --home /shared/kdstudy-home
    kdstudy doctor --cluster slurm --place nodes=2
    """
    from study.home import Home

    the_home = Home.at(home)
    if there.place_settings or there.prints:
        submission = there.at(cluster)
        assert submission is not None, "a place that does not submit takes no such options"
        submission.hand_over("doctor", the_home, lasts=False)
        return
    findings = examine(the_home, cluster)
    rows = [[f.verdict, f.what, f.found, f.advice] for f in findings]
    print_table(listing(["", "what", "found", "what to do"], rows))
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)


def examine(home: Home, cluster: str) -> list[Finding]:
    """Examine everything, and leave nothing behind."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _versions,
        _processors,
        lambda: _storage(home.root),
        _ports,
        lambda: _cluster(cluster, home.root),
    ]
    return [finding for check in checks for finding in check()]


def _versions() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok" if sys.version_info >= (3, 11) else "bad", "python", version)
    for package in PACKAGES:
        try:
            yield Finding("ok", package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding("bad", package, "not installed", "install kdstudy again")
    owners = metadata.packages_distributions()
    for name in ("study", "cluster", "analysis", "search_spaces"):
        if others := set(owners.get(name, [])) - {"kdstudy"}:
            yield Finding(
                "bad", f"import name {name}", f"also claimed by {', '.join(sorted(others))}", "uninstall that"
            )


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
        yield Finding("bad", "home is writable", f"{root}: {error.strerror}", "give another --home")
    free = shutil.disk_usage(folder).free
    verdict: Literal["ok", "note"] = "ok" if free >= ENOUGH_DISK else "note"
    yield Finding(verdict, "free disk", f"{free / 2**30:.1f} GiB")


def _ports() -> Iterator[Finding]:
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
        yield Finding("ok", "loopback ports", "can be bound")
    except OSError as error:
        yield Finding("bad", "loopback ports", str(error.strerror), "allow Ray to bind ports of 127.0.0.1")


def _joined(cluster: Cluster, home: Path) -> Iterator[Finding]:
    """Join the running Ray of `cluster`, examine its machines, and leave it again."""
    from study.driver.joining import located
    from study.driver.probes import probe_nodes
    from study.driver.ray_cluster import connected
    from study.driver.waiting import resources_now
    from study.errors import RequestError

    try:
        there = located(cluster)
        with connected(there):
            yield Finding("ok", "cluster", f"{there.description}: {resources_now()}")
            yield from of_machines(probe_nodes(home))
    except RequestError as error:
        yield Finding("bad", "cluster", str(error))


def _cluster(cluster: str, home: Path) -> Iterator[Finding]:
    from cluster import Place, find_cluster

    try:
        found = find_cluster(cluster)
    except LookupError as error:
        yield Finding("bad", "cluster", str(error.args[0]))
        return
    if isinstance(found, Place):
        tool = shutil.which(found.tool)
        where = f"{found.description}; {found.tool} " + ("is here" if tool else "is not on the path here")
        advice = "give --place options too, to examine its machines" if tool else f"install {found.tool}"
        yield Finding("ok" if tool else "bad", "cluster", where, advice)
        return
    if cluster == "local":
        yield Finding("ok", "cluster", found.description)
    yield _authentication(cluster)
    if cluster != "local":
        yield from _joined(found, home)


def _authentication(cluster: str) -> Finding:
    """Whether this process shows Ray a token. (A local Ray listens on this machine alone.)"""
    mode = os.environ.get("RAY_AUTH_MODE", "unset")
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    has_token = token.exists() or "RAY_AUTH_TOKEN" in os.environ
    found = f"RAY_AUTH_MODE {mode}, {'a token' if has_token else 'no token'}"
    if cluster == "local" or (mode == "token" and has_token):
        return Finding("ok", "Ray authentication", found)
    if mode == "token":
        return Finding("bad", "Ray authentication", found, "set RAY_AUTH_TOKEN_PATH to the file of the token")
    return Finding(
        "note",
        "Ray authentication",
        found,
        "whoever reaches Ray's ports can run programs there: "
        "export RAY_AUTH_MODE=token on every machine before Ray starts, and here",
    )
