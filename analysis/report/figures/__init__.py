"""Figures from tidy tables. Each function takes a table and returns a matplotlib figure; none computes.

Reading order: `style.py` (how all of them look and are saved), `panels.py` (which arm is drawn where), then
one a kind: `heatmap.py`, `forest.py`, `lines.py`, `surface.py`, `size.py`.
"""
