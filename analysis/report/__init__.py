"""The report as files: HTML, Markdown, CSV, LaTeX and figures.

Reading order: `write.py` (writes all files), `tables.py` (a table before any file format), `sections/` (what
the report shows), `figures/` (drawings), `pages.py` with `templates/` and `markdown.py` (the two pages),
`latex.py` (tables for LaTeX).
"""
