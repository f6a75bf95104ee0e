"""This room drives a study from beginning to end. It is the only room with Ray.

Reading order: `run.py` (the story), `driven.py` (the three phases, and the pause after an error),
`lifecycle.py` (a trial's life, and the order of its writes), `tune.py` (Ray Tune's plug-ins), `worker.py`
(one attempt in a Ray worker), `ray_cluster.py` (Ray, joined and called), `resources.py` (what each trial gets
of the cluster), `watch.py` (what is shown meanwhile), `interrupt.py` (Ctrl-C, SIGTERM, ...), `ray_alive.py`
(whether Ray itself is alive), `ray_settings.py` (what Ray reads when it is imported).
"""
