"""What places have in common that submit a study to a scheduler or to a cluster of their own.

Reading order: `place.py` (what a place is, and the study that a place runs), `options.py` (the values that
`--place` takes), `commands.py` (the scheduler's own commands), `private.py` (a folder for a token and for
secrets), `launcher.py` (Ray's cluster launcher: aws, gcp and ssh), `rayjob.py` (KubeRay's RayJob).
"""
