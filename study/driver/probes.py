"""What each machine of a running cluster is like: a probe runs on each, and leaves nothing behind."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.errors import first_line

__all__ = ["Seen", "probe_nodes"]

PATIENCE = 180.0  # seconds that the probes of all machines may take
REACH = 3.0  # seconds after which a port or the hub counts as out of reach
MOST_PEERS = 64  # machines whose ports each machine tries


@dataclass(frozen=True)
class Seen:
    """What a probe has seen on the machine `name`.

    error: why there is no more; then nothing else is known. start: seconds until a new worker there had
    loaded what a trial loads. ahead: seconds that the machine's clock is ahead of the driver's. versions: of
    Python and libraries. commit: of this program's code. gpus: those that torch sees, by name. of_ray: how
    many GPUs Ray has there. home: why the home cannot be written there; empty if it can. shared: whether the
    driver and the machine read each other's files in the home. free: bytes of disk, at the home and at the
    folder for temporary files. out_of_reach: HOST:PORT of other machines' Ray. hub: off, reached or out of
    reach.
    """

    name: str
    error: str = ""
    start: float = 0.0
    ahead: float = 0.0
    versions: dict[str, str | None] = field(default_factory=dict)
    commit: str = ""
    gpus: list[str] = field(default_factory=list)
    of_ray: float = 0.0
    home: str = ""
    shared: bool = True
    free: dict[str, int] = field(default_factory=dict)
    out_of_reach: list[str] = field(default_factory=list)
    hub: str = ""


def probe_nodes(home: Path) -> list[Seen]:
    """Return what a probe saw on each machine of the Ray that this process has joined.

    home: the home of a study, which may not exist yet; its nearest folder that exists is examined.
    """
    folder = next(path for path in (home, *home.parents) if path.exists())
    nodes = sorted((node for node in ray.nodes() if node["Alive"]), key=lambda node: node["NodeName"])
    ports = [
        (node["NodeManagerAddress"], node[port])
        for node in nodes[:MOST_PEERS]
        for port in ("NodeManagerPort", "ObjectManagerPort")
    ]
    try:
        scratch = tempfile.TemporaryDirectory(prefix=".kdstudy-doctor-", dir=folder)
    except OSError as error:
        return [Seen(node["NodeName"], f"{folder}: {error.strerror}") for node in nodes]
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a machine may have another version of this
    try:
        with scratch as shared:
            (Path(shared) / "driver").write_text("driver", encoding="utf-8")
            tasks = {}
            for number, node in enumerate(nodes):
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                probe = ray.remote(num_cpus=0, max_retries=0)(_probe).options(scheduling_strategy=there)
                others = [port for port in ports if port[0] != node["NodeManagerAddress"]]
                tasks[probe.remote(shared, str(number), others)] = (node, number, time.time())
            return _answers(tasks, Path(shared))
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def _answers(tasks: dict[Any, tuple[dict[str, Any], int, float]], shared: Path) -> list[Seen]:
    """What the probes return, in the order of the machines."""
    found: dict[int, Seen] = {}
    waiting, until = list(tasks), time.monotonic() + PATIENCE
    while waiting and (left := until - time.monotonic()) > 0:
        ended, waiting = ray.wait(waiting, timeout=left)
        for task in ended:
            node, number, sent = tasks[task]
            came = time.time()
            try:
                seen = ray.get(task)
            except Exception as error:  # whatever the machine lacks, its line has the reason
                found[number] = Seen(node["NodeName"], first_line(getattr(error, "cause", None) or error))
                continue
            began, answered = seen.pop("began"), seen.pop("answered")
            found[number] = Seen(
                node["NodeName"],
                start=max(0.0, came - sent - (answered - began) + seen.pop("loading")),
                ahead=answered - came,  # an answer takes some hundredths of a second
                of_ray=node["Resources"].get("GPU", 0.0),
                shared=seen.pop("reads_driver") and (shared / str(number)).exists(),
                **seen,
            )
    for task in waiting:
        node, number, _ = tasks[task]
        found[number] = Seen(node["NodeName"], f"no answer within {PATIENCE:g} seconds")
    return [found[number] for number in sorted(found)]


def _probe(shared: str, name: str, others: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Look at this machine. shared: a folder of the driver, in the home."""
    import socket

    began = time.time()
    import torch
    import transformers  # noqa: F401 (what a trial loads)

    loading = time.time() - began
    from study.planning.versions import code_version, library_versions

    folder, problem, reads_driver = Path(shared), "", False
    home = next(path for path in folder.parents if path.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".kdstudy-doctor-", dir=home):
            reads_driver = (folder / "driver").exists()
            if reads_driver:
                (folder / name).write_text(name, encoding="utf-8")
    except OSError as error:
        problem = f"{folder.parent}: {error.strerror}"
    out_of_reach = []
    for host, port in others:
        try:
            socket.create_connection((host, port), timeout=REACH).close()
        except OSError:
            out_of_reach.append(f"{host}:{port}")
    return {
        "began": began,
        "loading": loading,
        "versions": library_versions(),
        "commit": code_version(),
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "home": problem,
        "reads_driver": reads_driver,
        "free": {str(path): shutil.disk_usage(path).free for path in (home, Path(tempfile.gettempdir()))},
        "out_of_reach": out_of_reach,
        "hub": _hub(),
        "answered": time.time(),
    }


def _hub() -> str:
    """Whether the hub of models and data sets can be reached."""
    import socket
    from urllib.parse import urlsplit

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "off"
    address = urlsplit(constants.ENDPOINT)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), timeout=REACH).close()
    except OSError:
        return "out of reach"
    return "reached"
