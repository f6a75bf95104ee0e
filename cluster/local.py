"""This machine: Ray starts with the study and ends with it. Ray's ports require Ray's own token."""

from __future__ import annotations

import os
from pathlib import Path

from cluster import Cluster, workers

__all__ = ["CLUSTER", "usable_cpus"]


def usable_cpus(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """The CPUs that this process may use: its affinity, or less if its control group has a quota.

    Ray counts the CPUs of the machine, and reads quotas only.
    """
    cpus = len(os.sched_getaffinity(0))
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((cgroup / name).read_text("ascii") for name in files).split()
            if int(quota) > 0:
                cpus = min(cpus, max(1, int(quota) // int(period)))
        except (OSError, ValueError):  # there is no such file, or it holds "max"
            continue
    return cpus


CLUSTER = Cluster(
    "this machine, all its cores and GPUs",
    {"address": "local", "include_dashboard": False, "num_cpus": usable_cpus(), "runtime_env": {}}
    | workers(),
)
