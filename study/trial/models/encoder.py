"""Base models: found in a folder or on the hub, checked, and saved as an encoder alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError

from study.errors import RequestError, first_line
from study.trial.models.loading import load, quiet, read_config, skeleton
from study.trial.models.native import check_described, check_no_languages, check_positions
from study.trial.models.placed import check_placed, in_short
from study.trial.models.stack import layer_stack
from study.trial.models.tokenizer import load_tokenizer
from study.trial.models.values import check_values
from study.trial.models.weights import exact_dtype

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = ["check_encoder", "check_weights", "import_encoder", "resolve_folder"]

DESCRIPTION = [
    "config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
]
SAFE_WEIGHTS = ["model*.safetensors", "model.safetensors.index.json"]
OLD_WEIGHTS = ["pytorch_model*.bin", "pytorch_model.bin.index.json"]
WEIGHTS = [
    name for file in ("model.safetensors", "pytorch_model.bin") for name in (file, f"{file}.index.json")
]


def resolve_folder(source: str) -> Path:
    """The folder of the model `source`: the folder itself, or the hub's cache for the model of that name.

    Downloads what the cache does not have yet: configuration, tokenizer and weights, as safetensors if there
    are any. Weights in the older format are read without executing pickled code.

    Raises:
        RequestError: if there is no such folder, and no such model on the hub or in the cache.
    """
    folder = Path(source).expanduser()
    if source and folder.is_dir():
        return folder
    if folder.exists() or not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?", source):
        raise RequestError(
            f"{source}: no such folder, and not the name of a model on the hub (ORGANISATION/MODEL)"
        )
    try:
        with quiet():
            found = Path(snapshot_download(source, allow_patterns=[*DESCRIPTION, *SAFE_WEIGHTS]))
            if not any((found / name).is_file() for name in WEIGHTS):
                found = Path(snapshot_download(source, allow_patterns=[*DESCRIPTION, *OLD_WEIGHTS]))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise RequestError(
            f"{source}: no such folder, and no such model on the hub or in its cache: {first_line(error)}"
        ) from None
    return found


def check_encoder(folder: Path) -> None:
    """Check, without reading weights, that students can be built from the model in `folder`.

    Raises:
        RequestError: unless the model is an encoder with a sequence classifier in the library, a stack of
            layers, weights, and a fast tokenizer with no more tokens than the embedding has rows; and if the
            library would read the model as something else than it is.
    """
    config = read_config(folder)
    check_described(folder, config)
    kind = f"{folder}: a {config.model_type} model"
    if getattr(config, "is_encoder_decoder", False):
        raise RequestError(f"{kind} is an encoder with a decoder; students are encoders alone")
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING

    if getattr(config, "is_decoder", False) or type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
        raise RequestError(f"{kind} is not an encoder trained with a masked-LM loss")
    check_values(config)
    layer_stack(skeleton(config))
    check_no_languages(folder, config)
    tokens = len(load_tokenizer(folder))
    if tokens > config.vocab_size:
        raise RequestError(f"{folder}: {tokens} tokens but only {config.vocab_size} embeddings")
    if not any((folder / name).is_file() for name in WEIGHTS):
        raise RequestError(f"{folder}: no weights; there is none of {', '.join(WEIGHTS)}")


def check_weights(folder: Path) -> None:
    """Check that the weights in `folder` are the encoder that its configuration describes.

    Raises:
        RequestError: if a tensor is missing, has no place, has another shape, or has values that are no
            finite numbers; if the library does not compute their positions; and if the files are damaged.
    """
    _load_encoder(folder)


def import_encoder(source: str, target: Path) -> None:
    """Check the base model `source` (a folder or a hub name) and save it into the folder `target`.

    The encoder alone is saved: embeddings, layers, and a pooler if the files have a pooler. A masked-LM or
    classification head is dropped, so that every student's and teacher's head starts from its own random
    stream. Weights keep the dtype of the files, whatever dtype config.json names.

    Raises:
        RequestError: as `check_encoder` and `check_weights`.
    """
    folder = resolve_folder(source)
    check_encoder(folder)
    model, state = _load_encoder(folder)
    with quiet():
        model.save_pretrained(target, state_dict=state, max_shard_size="1TB")
    load_tokenizer(folder).save_pretrained(target)


def _load_encoder(folder: Path) -> tuple[PreTrainedModel, dict[str, Tensor]]:
    """The encoder in `folder`, and those of its tensors that come from the files."""
    from transformers import AutoModel

    model, info = load(AutoModel, folder, dtype=exact_dtype(folder))
    missing = set(info["missing_keys"])
    if lost := [name for name in missing if "pooler" not in name]:
        raise RequestError(f"{folder}: its weights lack {in_short(lost, ' of the encoder')}")
    check_placed(folder, model, info["unexpected_keys"])
    check_positions(folder, read_config(folder))  # after the tensors, whose names say more
    # A pooler that the files lack has just been drawn at random: it is no part of this model.
    return model, {name: tensor for name, tensor in model.state_dict().items() if name not in missing}
