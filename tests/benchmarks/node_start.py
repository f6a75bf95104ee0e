"""How long a new node takes from its start to the first step of a trial.

Run as: python -m tests.benchmarks.node_start [SHAPE] [TRIALS]      (default embedded 8)
A Ray node starts beside a head without CPUs. TRIALS trials of the shape (`tests/benchmarks/shapes.py`) begin
on it at once, in a home that is empty. What they read is in a storage, a folder of this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import study.driver.ray_settings  # noqa: F401 (before Ray)

os.environ.setdefault("RAY_AUTH_MODE", "token")

# isort: split
import ray
from ray.cluster_utils import Cluster

from study.config import TrialConfig
from study.storage.artifacts import Store
from study.storage.mirror import Mirror
from tests.benchmarks.core import prepared_trial
from tests.benchmarks.shapes import SHAPES, prepare, read_task
from tests.processes import Running

PARTS = ("ray", "worker", "imports", "fetch", "first step")
LONGEST = 120.0  # seconds that a node may take to join


def main(shape: str, trials: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="kd-") as name:
        folder = Path(name)
        url = (folder / "storage").as_uri()
        ours = Store(folder / "home" / "artifacts", Mirror(folder / "home", url))
        # A teacher with random weights has the size of a trained one.
        prepared = prepare(replace(SHAPES[shape], teacher_steps=0), read_task(None), folder / "prepared")
        preparation, config = prepared_trial(SHAPES[shape], prepared, ours, 1)
        preparation.build(config, ("train", "validation"))
        size = sum(path.stat().st_size for path in (folder / "storage").rglob("*") if path.is_file())
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        try:
            ray.init(address=cluster.address, log_to_driver=False)
            ends = _ends(cluster.address, config, trials, folder, url)
        finally:
            ray.shutdown()
            cluster.shutdown()
    seconds = {
        f"{which} trial": {part: round(all_[n + 1] - all_[n], 2) for n, part in enumerate(PARTS)}
        | {"sum": round(all_[-1] - all_[0], 2)}
        for which, all_ in (
            ("first", min(ends, key=lambda e: e[-1])),
            ("last", max(ends, key=lambda e: e[-1])),
        )
    }
    return {"shape": shape, "trials": trials, "fetched_mib": round(size / 2**20, 1)} | seconds


def _ends(address: str, config: TrialConfig, trials: int, folder: Path, url: str) -> list[list[float]]:
    """For each trial the times at which the node began, and each of `PARTS` had ended."""
    began, program = time.time(), Path(sys.executable).with_name("ray")
    host, out = address.partition(":")[0], folder / "node"
    command = [
        str(program),
        "start",
        f"--address={address}",
        f"--node-ip-address={host}",
        f"--num-cpus={trials}",
    ]
    with out.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--block"], stdout=output, stderr=output, start_new_session=True
        )
    node = Running(process, out, out)
    try:
        node.wait_until(lambda: ray.cluster_resources().get("CPU", 0) >= trials, LONGEST)
        joined = time.time()
        tasks = [_start.remote(config, folder / "node home", url, number) for number in range(trials)]
        return [[began, joined, *of_trial] for of_trial in ray.get(tasks)]
    finally:
        node.kill(at_once=True)


@ray.remote(num_cpus=1)
def _start(config: TrialConfig, home: Path, url: str, number: int) -> list[float]:
    """Do what a worker does up to the first step; the time at the beginning and after each part."""
    at = [time.time()]
    # All that a worker imports until its first step.
    from study.driver import worker  # noqa: F401
    from study.trial import encoding, plain, teaching, training  # noqa: F401
    from study.trial.job import TrialJob
    from study.trial.models import student, teacher  # noqa: F401
    from study.trial.prepare import Preparation
    from study.trial.trial import run_trial

    at.append(time.time())
    store = Store(home / "artifacts", Mirror(home, url))
    Preparation(store).build(config, ("train", "validation"))
    at.append(time.time())
    short = config.model_copy(update={"steps": 1, "seed": number})
    next(iter(run_trial(TrialJob(short, store, home / f"trial-{number}", reports=1, test=False))))
    at.append(time.time())
    return at


if __name__ == "__main__":
    words = sys.argv[1:]
    print(json.dumps(main(words[0] if words else "embedded", int(words[1]) if words[1:] else 8), indent=1))
