"""Planning: a user's request becomes an exact plan, or is refused, before anything is written.

Reading order: `request.py` (what a user wants), `spaces.py` (search spaces by name or file, and `--set`),
`samplers.py` and `pruners.py` (how trials are chosen and stopped), `plan.py` (a space on one task and one
model: arms, points, configurations), `base_model.py` (models are found), `capacity.py` (what fits into
memory), `resolve.py` (all of it together), `request_file.py` with `versions.py` (`request.json`, for people).

Nothing here imports torch, transformers or datasets before a model is read.
"""
