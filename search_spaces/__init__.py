"""Research questions: one file for each, which exports SPACE. A new question is a new file, here or anywhere.

Learning rates are tuned from 1e-5 to 1e-2: large encoders need the lower end of this range, small encoders
and students with random initial weights the upper end. A report names no winner if a selected value lies at
an edge of its range.

Budgets are those at which planted studies keep their promise (`tests/benchmarks/tuning.py`): arms that are
equal at their best rates, with optima of unequal widths, are claimed to differ in at most 7% of studies. Over
three decades of rates this needs eight trials of an arm. With six, a narrow optimum may lie between two tried
rates, and the search does not see it.
"""
