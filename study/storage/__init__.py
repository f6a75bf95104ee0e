"""Storage: the files of a study on disk, and their copy at a URL. Imports no torch.

Reading order: `artifacts.py` (the content-addressed store), `attempts.py` (a trial's folder), `mirror.py`
(the copy of both at a URL), `disk.py` (a disk that is full or read-only).
"""
