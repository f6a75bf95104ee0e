"""A command, timed from its start to its end, with the memory of all its processes; and what it ran on."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

__all__ = ["ROOT", "Measured", "machine", "run_measured"]

ROOT = Path(__file__).parents[2]
EVERY = 1.0  # seconds between two looks at the memory


@dataclass(frozen=True)
class Measured:
    """seconds: wall time. cpu_seconds: of all processes, which says more where others use the machine too.

    peak_mib: largest sum of the processes' proportional set sizes: a page that n processes share counts 1/n
    in each of them, so the sum counts it once. by_process: CPU seconds by process title, the largest first.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    by_process: dict[str, float]


def run_measured(command: Sequence[str | Path], log: Path) -> Measured:
    """Run `command` with this repository's packages; its output goes to `log`.

    Raises:
        RuntimeError: where it fails, with the log's end.
    """
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("KDSTUDY_", "RAY_", "MLFLOW_"))}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = mine | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(paths)}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env=environment,
        )
        peak = 0.0
        spent: Spent = {}
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=EVERY)
            if process.returncode is not None:
                break
            peak = max(peak, _look(process.pid, spent))
        seconds = time.perf_counter() - began
    if process.returncode:
        end = log.read_text(encoding="utf-8")[-3000:]
        raise RuntimeError(f"{command[0]} ... ended with {process.returncode}:\n{end}")
    by_process: dict[str, float] = {}
    for title, cpu in spent.values():
        by_process[title] = by_process.get(title, 0.0) + cpu
    return Measured(
        seconds, sum(by_process.values()), peak, dict(sorted(by_process.items(), key=lambda one: -one[1]))
    )


Spent = dict[tuple[int, float], tuple[str, float]]
"""(pid, time of birth) -> (title, CPU seconds)."""


def _look(pid: int, spent: Spent) -> float:
    """Note in `spent` what the process and all below it have used so far; their memory, in MiB."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for one in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, IndexError):
                cpu, title = one.cpu_times(), " ".join(Path(part).name for part in one.cmdline()[:2])
                known = spent.get(key := (one.pid, one.create_time()), ("", 0.0))[0]
                title = known if "IDLE" in title and known else title  # Ray's workers say what they do
                spent[key] = (title, cpu.user + cpu.system)
                total += one.memory_full_info().pss
    return total / 2**20


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import torch

    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cpus": os.cpu_count(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    } | {name: version(name) for name in ("torch", "transformers", "ray", "optuna", "mlflow")}
