"""A given teacher must answer here as it does in plain transformers: compared on some texts, and recorded.

What trials read is compared: the outputs of the teacher as it was imported, trimmed and run in batches.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from study.errors import RequestError, StudyStopped
from study.trial.data.task import load_saved_task
from study.trial.inputs import Inputs
from study.trial.models.encoder import resolve_folder
from study.trial.models.fingerprint import encoder_fingerprint
from study.trial.models.loading import automatic_class, quiet, read_config
from study.trial.models.tokenizer import load_tokenizer
from study.trial.training import Numerics

__all__ = ["compare_with_plain", "given_folder"]

TEXTS = 32  # from the shortest text to the longest
ROUNDING = {"float32": 1e-3, "bfloat16": 1e-1}  # shares of the largest logit


def given_folder(source: str, fingerprint: str) -> Path:
    """The folder of the given teacher `source`.

    Raises:
        RequestError: if it is not there, or its content is not that of `fingerprint` any more.
    """
    folder = resolve_folder(source)
    if encoder_fingerprint(folder) != fingerprint:
        raise RequestError(f"{source}: is not the teacher any more that was given at first: its files differ")
    return folder


def compare_with_plain(inputs: Inputs, source: str, numerics: Numerics, target: Path) -> None:
    """Compare the stored outputs on validation with what the teacher `source` gives in plain transformers.

    There each text is read alone, in float32, from the user's own files. `comparison.json` in the folder
    `target` gets the largest difference of a logit. If the user's files are gone, which only the
    continuation of a study can bear, the file gets the reason.

    Raises:
        StudyStopped: if a logit differs by more than rounding.
    """
    try:
        folder = given_folder(source, inputs.config.teacher)
    except RequestError as error:
        said = f"the given teacher was not compared with plain transformers: {error}"
        _write(target, {"said": said})
        return
    split = inputs.split("validation")
    lengths = split.lengths
    by_length = np.argsort(-lengths, kind="stable")  # BigBird reads all texts after a short one as short
    rows = by_length[np.unique(np.linspace(0, len(lengths) - 1, TEXTS).astype(int))]
    texts = load_saved_task(inputs.task_folder).splits["validation"].texts
    answers = _plain_logits(folder, [texts[row] for row in rows], inputs, numerics.device)
    if split.starts is not None:
        each = [split.places_in(np.array([row])) for row in rows]
        answers = [logits[places] for logits, places in zip(answers, each, strict=True)]
    plain = np.concatenate([logits.reshape(-1, logits.shape[-1]) for logits in answers])
    difference = float(np.abs(inputs.teacher_logits("validation")[split.items(rows)] - plain).max())
    largest = float(np.abs(plain).max())
    made_in = inputs.teacher_scores("validation")["numerics"]["outputs"]["dtype"]
    if not difference <= ROUNDING[made_in] * largest:
        raise StudyStopped(
            f"{source}: the given teacher answers otherwise here than in plain transformers: on {len(rows)} "
            f"texts of validation, logits of up to {largest:.2g} differ by up to {difference:.2g}, which is "
            "more than rounding; give another --teacher"
        )
    said = f"the given teacher answers as in plain transformers: on {len(rows)} texts of validation, "
    said += f"logits of up to {largest:.2g} differ by {difference:.1e} at most"
    _write(
        target,
        {
            "said": said,
            "texts": len(rows),
            "largest_logit": largest,
            "largest_difference": difference,
            "numerics": asdict(numerics),
        },
    )


@torch.inference_mode()
def _plain_logits(folder: Path, texts: list[str], inputs: Inputs, device: str) -> list[np.ndarray]:
    """For each text [classes] or [tokens x classes], float32: what a user of the library gets.

    The classes are in the task's order.
    """
    with quiet():
        model: Any = automatic_class(read_config(folder)).from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32
        )
    model.eval().to(device)
    tokenizer, reads = load_tokenizer(folder), inspect.signature(model.forward).parameters
    found = []
    for text in texts:
        batch = tokenizer(text, truncation=True, max_length=inputs.config.max_length, return_tensors="pt")
        one = {name: tensor.to(device) for name, tensor in batch.items() if name in reads}
        found.append(model(**one).logits[0].float().cpu().numpy())
    places = {str(name): place for place, name in model.config.id2label.items()}
    return [logits[..., [places[label] for label in inputs.task.labels]] for logits in found]


def _write(target: Path, about: dict[str, Any]) -> None:
    (target / "comparison.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
