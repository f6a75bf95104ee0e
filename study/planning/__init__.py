"""What was asked, made exact, before anything is written.

Reading order: `request.py` (what a user asks), `spaces.py` (search spaces by name or file, and `--set`),
`plan.py` (a space on one task and one model: arms, points, configurations), `base_model.py` (models found),
`capacity.py` (what fits into memory), `resolve.py` (all of it together).
"""
