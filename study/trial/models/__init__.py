"""Teachers, base models, and the students that are built from them.

Reading order: `student.py` (a student in one page), `init_methods.py` (where its weights come from: one
decorated function each), `layer_maps.py` (which layers: likewise), `shapes.py` and `stack.py` (what a model
with fewer layers is), `teacher.py` (classifiers at full depth), `encoder.py`, `tokenizer.py` and
`fingerprint.py` (base models from folders and the hub), `embedded.py` (the default one), `trimming.py`
(models on part of their vocabulary), `unread.py` (work that nothing depends on), `loading.py`.
"""

from study.trial.models.embedded import build_tokenizer, contrast, encoder_config, mask_tokens, new_encoder
from study.trial.models.encoder import (
    EncoderFacts,
    check_encoder,
    encoder_facts,
    import_encoder,
    resolve_folder,
)
from study.trial.models.fingerprint import encoder_fingerprint
from study.trial.models.init_methods import InitMethod, init_method, init_methods
from study.trial.models.layer_maps import LayerMap, layer_map, layer_maps
from study.trial.models.loading import quiet, read_config
from study.trial.models.stack import layer_stack
from study.trial.models.student import build_student, check_possible
from study.trial.models.teacher import (
    check_teacher,
    classifier_on,
    import_teacher,
    load_classifier,
    new_classifier,
)
from study.trial.models.tokenizer import load_tokenizer
from study.trial.models.trimming import full_size, put_back, special_ids, trim, why_not_trimmable
from study.trial.models.unread import skip_unread

__all__ = [
    "EncoderFacts",
    "InitMethod",
    "LayerMap",
    "build_student",
    "build_tokenizer",
    "check_encoder",
    "check_possible",
    "check_teacher",
    "classifier_on",
    "contrast",
    "encoder_config",
    "encoder_facts",
    "encoder_fingerprint",
    "full_size",
    "import_encoder",
    "import_teacher",
    "init_method",
    "init_methods",
    "layer_map",
    "layer_maps",
    "layer_stack",
    "load_classifier",
    "load_tokenizer",
    "mask_tokens",
    "new_classifier",
    "new_encoder",
    "put_back",
    "quiet",
    "read_config",
    "resolve_folder",
    "skip_unread",
    "special_ids",
    "trim",
    "why_not_trimmable",
]
