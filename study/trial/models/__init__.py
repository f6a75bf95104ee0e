"""Teachers, base models, and the students that are built from them.

Reading order: `student.py` (a student in one page), `init_methods.py` (where its weights come from: one
decorated function each), `layer_maps.py` (which layers: likewise), `shapes.py` and `stack.py` (what a model
with fewer layers is), `teacher.py` (classifiers at full depth), `encoder.py`, `tokenizer.py` and
`fingerprint.py` (base models from folders and the hub), `embedded.py` (the default one), `trimming.py`
(models on part of their vocabulary), `unread.py` (work that nothing depends on), `loading.py`.
"""
