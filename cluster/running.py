"""A Ray that runs already: the Ray that RAY_ADDRESS names, or the only Ray that runs on this machine."""

from cluster import Cluster, workers

CLUSTER = Cluster("the running Ray that RAY_ADDRESS names", {"address": "auto"} | workers())
