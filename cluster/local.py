"""This machine: Ray is started for the study and ends with it. Its ports ask for Ray's own token."""

import shlex
import sys

from cluster import Cluster

# Ray writes the path of its Python into a shell command as it is: one with a space must come quoted.
QUOTED = shlex.quote(sys.executable)

CLUSTER = Cluster(
    "this machine, all its cores and GPUs",
    {
        "address": "local",
        "include_dashboard": False,
        "runtime_env": {} if sys.executable == QUOTED else {"py_executable": QUOTED},
    },
)
