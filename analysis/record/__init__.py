"""What MLflow holds of a study, read into tables.

Reading order: `source.py` (the rows of one MLflow experiment), `domain.py` (levels and ranges, read from the
text that MLflow keeps), `shares.py` (what each of several homes holds of a study), `study_record.py` (the
study as tidy tables), `reading.py` (reads them), `design.py` (factors, arms, the results that count).
`languages.py` (the order of languages) and `formats.py` (numbers as text) import no other file of the
package.
"""
