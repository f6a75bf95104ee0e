"""Research questions: one file each, exporting SPACE. A new question is a new file here, or anywhere.

Learning rates are tuned over 1e-5 to 1e-2: large encoders want the lower end of it, small ones and students
that start at random the upper one. No winner is named where a selected value lies at an edge of its range.
"""
