"""The command line. It parses, calls and prints.

Reading order: `app.py` (the commands), `options.py`, `asking.py`, `console.py`, `tables.py`, `live.py`, and a
file a command.
"""
