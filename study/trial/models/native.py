"""What the library would read in silence as something else than it is: refused before any weight is read."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig

from study.errors import RequestError
from study.trial.models.loading import classifier_class

__all__ = ["check_described", "check_no_languages", "check_positions"]

NOT_OF_MODELS = ("AutoTokenizer", "AutoProcessor", "AutoFeatureExtractor", "AutoImageProcessor")


def check_described(folder: Path, config: PreTrainedConfig) -> None:
    """Check that the library's own code for `config`, read from `folder`, is the code of these weights.

    Raises:
        RequestError: if the model comes with code of its own, or the folder has an adapter for the weights.
    """
    file = folder / "config.json"
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if own := sorted(set(values.get("auto_map") or {}) - set(NOT_OF_MODELS)):
        raise RequestError(
            f"{file}: auto_map: the model would run code that comes with it ({', '.join(own)}), which is not "
            f"done here; a {config.model_type} of the transformers library, without auto_map, is right"
        )
    if (adapter := folder / "adapter_config.json").is_file():
        raise RequestError(
            f"{adapter}: an adapter is not read here; the weights with the adapter merged into them are right"
        )


def check_no_languages(folder: Path, config: PreTrainedConfig) -> None:
    """Check that the classifier of `config` needs not be told the language of a text.

    Raises:
        RequestError: if each language has weights of its own, as in X-MOD.
    """
    reads = inspect.signature(classifier_class(config).forward).parameters
    asked = [name for name in reads if "lang" in name]
    if asked:
        raise RequestError(
            f"{folder}: a {config.model_type} model has weights for each language ({asked[0]}), and is not "
            "told a text's language here; a model with the same weights for all languages is right"
        )


def check_positions(folder: Path, config: PreTrainedConfig) -> None:
    """Check that the library's code for `config`, read from `folder`, computes the positions of the file.

    Raises:
        RequestError: if the file names positions that this code does not know.
    """
    file = folder / "config.json"
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    positions = values.get("position_embedding_type") or "absolute"
    if positions != "absolute" and not hasattr(type(config)(), "position_embedding_type"):
        raise RequestError(
            f"{file}: position_embedding_type: the library's {config.model_type} does not compute "
            f"{positions!r} positions; a model with absolute ones is right"
        )
