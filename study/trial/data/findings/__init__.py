"""What is odd about a task's data, found before the data are used.

Reading order: `lines.py` (lines of a file that were read as something else; refused), `names.py` (labels and
languages that look alike), `texts.py` (texts that stand where they should not), `reading.py` (rows counted,
and what a tokenizer makes of their texts).
"""
