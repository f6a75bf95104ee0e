"""A Ray that runs already: the one that RAY_ADDRESS names, or the one found on this machine."""

from cluster import Cluster

CLUSTER = Cluster("the running Ray that RAY_ADDRESS names", {"address": "auto"})
