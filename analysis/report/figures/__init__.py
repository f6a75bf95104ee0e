"""Figures of tidy tables. Each function takes a table and returns a matplotlib figure; no function computes.

Reading order: `style.py` (how all figures look and are saved), `panels.py` (where each arm is drawn), then
one file for each kind: `heatmap.py` with `numbers.py`, `forest.py`, `lines.py`, `surface.py`, `size.py`.
"""
