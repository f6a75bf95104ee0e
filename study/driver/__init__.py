"""A study is driven here, from its begin to its end. The only room with Ray.

Reading order: `run.py` (the story), `lifecycle.py` (a trial's life, and in which order it is written down),
`tune.py` (Ray Tune's plug-ins), `worker.py` (one attempt in a Ray worker), `resources.py` (Ray's cluster),
`watch.py` (what is shown meanwhile), `interrupt.py` (Ctrl-C and SIGTERM).
"""
