"""Teachers, base models, and the students that are built from them.

Reading order: `student.py` (a student in one page), `init_methods.py` (where a student's weights come from;
each method is one decorated function), `layer_maps.py` (which layers a student copies; each map is one
decorated function), `shapes.py` and `stack.py` (what a model with fewer layers is), `teacher.py` (classifiers
at full depth), `encoder.py`, `tokenizer.py` and `fingerprint.py` (base models from folders and the hub),
`native.py`, `placed.py` and `weights.py` (no part of a model is read as something else), `embedded.py` (the
default base model), `trimming.py` (models on part of their vocabulary), `unread.py` (what a classifier
computes in vain), `afresh.py` (no batch has an effect on later ones), `loading.py` (reading files in Hugging
Face layout).
"""
