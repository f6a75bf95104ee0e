"""This machine: Ray starts with the study and ends with it. Ray's ports require Ray's own token."""

import shlex
import sys

from cluster import Cluster

# Ray writes the path of Python into a shell command unchanged, so a path with a space must be quoted.
QUOTED = shlex.quote(sys.executable)

CLUSTER = Cluster(
    "this machine, all its cores and GPUs",
    {
        "address": "local",
        "include_dashboard": False,
        "runtime_env": {} if sys.executable == QUOTED else {"py_executable": QUOTED},
    },
)
