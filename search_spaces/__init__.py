"""Research questions: one file for each, which exports SPACE. A new question is a new file, here or anywhere.

Learning rates are tuned from 1e-5 to 1e-2: large encoders need the lower end of this range, small encoders
and students with random initial weights the upper end. A report names no winner if a selected value lies at
an edge of its range.
"""
