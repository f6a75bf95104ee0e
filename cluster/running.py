"""A Ray that runs already: the Ray that RAY_ADDRESS names, or a Ray that is found on this machine."""

from cluster import Cluster

CLUSTER = Cluster("the running Ray that RAY_ADDRESS names", {"address": "auto"})
