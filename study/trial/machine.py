"""The machine that a trial runs on: what it is, and how much of it the trial's process uses.

Nothing here is part of a result, because a result does not depend on where it was computed.
"""

from __future__ import annotations

import os
import platform
import re
import socket
import time
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Meter", "machine_facts"]

MEGABYTE = 1e6  # MLflow's unit of memory


@cache
def machine_facts() -> dict[str, Any]:
    """The host's name, its CPU and memory, and the GPUs that this process may use.

    cores: of the whole machine. memory_gib: of the whole machine. gpu: the name of the first GPU. gpus: their
    number. What the system does not name is missing. Nothing here names a user.
    """
    found: dict[str, Any] = {"host": socket.gethostname(), "cpu": _cpu(), "cores": os.cpu_count()}
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        found["memory_gib"] = round(memory / 2**30, 1)
    import torch  # takes seconds to import, and a trial has imported it

    if torch.cuda.is_available():
        found |= {"gpu": torch.cuda.get_device_name(), "gpus": torch.cuda.device_count()}
    return {name: value for name, value in found.items() if value}


class Meter:
    """Measures what this process uses, between one sample and the next one.

    began_ms: when the meter was made, in milliseconds since 1970.
    """

    def __init__(self) -> None:
        self.began_ms = int(time.time() * 1000)
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def sample(self) -> dict[str, float]:
        """Return the use since the last sample, by the names of MLflow's system metrics without `system/`.

        process_cpu_percentage: 100 is one core that was busy all the time, with all threads of the process.
        process_memory_megabytes: what the process has in memory now. gpu_N_memory_usage_megabytes,
        gpu_N_memory_usage_percentage: of the whole GPU, whoever uses it. gpu_N_utilization_percentage: only
        if the package nvidia-ml-py is there. A number that cannot be had is missing.
        """
        wall, cpu = time.perf_counter(), time.process_time()
        used = 100 * (cpu - self._cpu) / max(wall - self._wall, 1e-9)
        self._wall, self._cpu = wall, cpu
        found = {"process_cpu_percentage": used} | _memory() | _gpus()
        return {name: round(value, 1) for name, value in found.items()}


def _cpu() -> str:
    """The name of the CPU, as Linux has it; elsewhere the kind of CPU."""
    information = Path("/proc/cpuinfo")
    text = information.read_text(encoding="utf-8", errors="replace") if information.exists() else ""
    found = re.search(r"^model name\s*: (.+)", text, re.M)
    return found[1].strip() if found else platform.machine()


def _memory() -> dict[str, float]:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):  # a system without such a file
        return {}
    return {"process_memory_megabytes": pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE}


def _gpus() -> dict[str, float]:
    import torch

    found: dict[str, float] = {}
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(number)
        found[f"gpu_{number}_memory_usage_megabytes"] = (total - free) / MEGABYTE
        found[f"gpu_{number}_memory_usage_percentage"] = 100 * (total - free) / total
        try:
            found[f"gpu_{number}_utilization_percentage"] = float(torch.cuda.utilization(number))
        except (ModuleNotFoundError, RuntimeError):  # the driver's library is not there, or refuses
            continue
    return found
