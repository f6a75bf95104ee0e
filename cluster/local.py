"""This machine: Ray is started for the study and ends with it. Its ports ask for Ray's own token."""

from cluster import Cluster

CLUSTER = Cluster("this machine, all its cores and GPUs", {"address": "local", "include_dashboard": False})
