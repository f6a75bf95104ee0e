"""Loading models in Hugging Face layout: from local files only, without code of theirs, and silently.

The library prints every key that a checkpoint lacks or has too many. Here each caller knows which keys may be
missing and refuses all others, so the library's reports and progress bars are switched off.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import CRITICAL, DEBUG, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import AutoConfig, PreTrainedConfig
from transformers.utils import logging

from study.errors import RequestError, first_line
from study.trial.data.task import Kind

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = [
    "assemble",
    "automatic_class",
    "because",
    "classifier_class",
    "kind_of",
    "labelled",
    "load",
    "own_memory",
    "place_of",
    "quiet",
    "read_config",
    "seeded",
    "skeleton",
]


def read_config(folder: Path) -> PreTrainedConfig:
    """Configuration of the model in `folder`.

    Raises:
        RequestError: if there is none, or only code that comes with the model could read the file.
    """
    file = folder / "config.json"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RequestError(f"{file}: no such file; a model's folder has config.json") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RequestError(f"{file}: {first_line(error)}") from None
    if not isinstance(values, dict) or not isinstance(values.get("model_type"), str):
        # Without this line the library would guess the architecture from the folder's name.
        raise RequestError(f"{file}: no model_type, so this is not a model of the transformers library")
    names = values.get("id2label", {})
    if not isinstance(names, dict) or not all(place.isdecimal() for place in names):
        raise RequestError(f'{file}: id2label: must name each class by its number, as {{"0": "alarm"}}')
    try:
        found: PreTrainedConfig = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        return found
    except Exception as error:  # for a file that the library cannot use, it raises many kinds
        if "auto_map" in values:
            why = "would run code that comes with it, which is not done here"
            raise RequestError(f"{file}: model_type {values['model_type']!r} {why}") from None
        raise RequestError(f"{file}: {because(error, values)}") from error


def kind_of(config: PreTrainedConfig) -> Kind:
    """What the classifier of `config` labels: "token" if its class is a token classifier, otherwise "text".

    The field `architectures`, in which the library stores the class of a model, says so.
    """
    named = config.architectures or ()
    return "token" if any(name.endswith("ForTokenClassification") for name in named) else "text"


def classifier_class(config: PreTrainedConfig) -> Any:
    """The classifier's class for `config`: a sequence classifier, or a token classifier (`kind_of`).

    Raises:
        RequestError: if the library has none.
    """
    return _class_of(config, kind_of(config))


def automatic_class(config: PreTrainedConfig) -> Any:
    """The library's class that makes a new classifier of `config`, of the kind that `config` names."""
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    classifier_class(config)
    return (
        AutoModelForTokenClassification if kind_of(config) == "token" else AutoModelForSequenceClassification
    )


def _class_of(config: PreTrainedConfig, kind: Kind) -> Any:
    from transformers.models.auto import modeling_auto

    name = "sequence" if kind == "text" else "token"
    classes = getattr(modeling_auto, f"MODEL_FOR_{name.upper()}_CLASSIFICATION_MAPPING")
    if type(config) not in classes:
        raise RequestError(f"model_type {config.model_type!r} has no {name} classifier")
    return classes[type(config)]


def labelled(config: PreTrainedConfig, labels: Sequence[str], kind: Kind = "text") -> PreTrainedConfig:
    """A copy of `config` for a classifier of texts or of tokens with these classes, in this order.

    Raises:
        RequestError: if the library has no such classifier.
    """
    config = copy.deepcopy(config)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    config.problem_type = "single_label_classification" if kind == "text" else None
    if kind != kind_of(config):
        config.architectures = [_class_of(config, kind).__name__]
    return config


def skeleton(config: PreTrainedConfig) -> PreTrainedModel:
    """The classifier of `config` with names and shapes alone: no memory, no random draws.

    Raises:
        RequestError: if the library cannot build the model; the text has the library's reason.
    """
    classes = automatic_class(config)
    try:
        with torch.device("meta"):
            built: PreTrainedModel = classes.from_config(copy.deepcopy(config))
            return built
    except Exception as error:  # for values that do not fit together, the library raises many kinds
        raise RequestError(
            f"{place_of(config)}: the library cannot build this model: {because(error, config.to_dict())}"
        ) from error


def load(model_class: Any, folder: Path, **options: Any) -> tuple[PreTrainedModel, dict[str, Any]]:
    """`model_class.from_pretrained` on local files: (model, loading info), in evaluation mode.

    The model's tensors map the files lazily: many processes share one copy, but see `own_memory`.

    Raises:
        RequestError: if the weights cannot be read or do not have the shapes of the configuration.
    """
    try:
        with quiet():
            model, info = model_class.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # checked below: the library's own error names no tensor
                **options,
            )
    except Exception as error:  # damaged files and odd configurations raise a different error each
        raise RequestError(f"{folder}: its weights cannot be loaded: {because(error)}") from error
    if wrong := sorted(info["mismatched_keys"]):
        name, there, stated = wrong[0]
        raise RequestError(
            f"{folder}: its weights do not have the shapes of its config.json, as {name}: "
            f"{list(there)} in the files, {list(stated)} in the model that config.json describes"
        )
    return model, info


def assemble(config: PreTrainedConfig, state: dict[str, Tensor]) -> PreTrainedModel:
    """The classifier of `config` with exactly the tensors in `state`, each copied.

    The model is float32, on the CPU, in evaluation mode. The caller's tensors may map a file: they are only
    read.

    Raises:
        ValueError: if a tensor is missing, is not the model's, or has another shape than the configuration's.
    """
    with quiet():
        model, info = classifier_class(config).from_pretrained(
            None,
            config=config,
            state_dict=state,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # checked below: the library's own error names no tensor
        )
    kinds = ("missing", "unexpected", "mismatched")  # of the last, the library lists (name, shape, shape)
    found = {kind: [k if isinstance(k, str) else k[0] for k in info[f"{kind}_keys"]] for kind in kinds}
    wrong = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in found.items() if names)
    if wrong or state.keys() != model.state_dict().keys():
        odd = wrong or ", ".join(sorted(state.keys() ^ model.state_dict().keys()))
        raise ValueError(f"these are not exactly the model's tensors: {odd}")
    buffers = {name for name, _ in model.named_buffers()}
    placed = sum(tensor.numel() for name, tensor in state.items() if name not in buffers)
    if placed != sum(parameter.numel() for parameter in model.parameters()):
        raise ValueError(f"{placed} parameters were placed, the model has {model.num_parameters()}")
    return own_memory(model)


def own_memory(model: PreTrainedModel) -> PreTrainedModel:
    """Give `model`, in place, memory of its own that neither a file nor another model shares."""
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()
    return model


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's CPU generator inside the block; after the block the outer stream goes on unchanged.

    The library's initialisers take no generator, so they can only be seeded through the global generator.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the library's loading reports and progress bars, unless `kdstudy --debug` shows everything."""
    if getLogger("study").isEnabledFor(DEBUG):
        yield
        return
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def place_of(config: PreTrainedConfig) -> str:
    """The file of `config`, for a message; the kind of model if the configuration is from no file."""
    folder = config.name_or_path
    return f"{Path(folder) / 'config.json'}" if folder else f"a {config.model_type} model"


def because(error: Exception, values: Mapping[str, Any] | None = None) -> str:
    """The library's reason in one line; a text among the configuration's `values` is named with its field."""
    reason = f"the library has no {error}" if isinstance(error, KeyError) else first_line(error)
    for name, value in (values or {}).items():
        known = not isinstance(value, str) or name == "model_type" or name in reason
        if not known and re.search(rf"\b{re.escape(str(value))}\b", reason):
            return f"{name}: {reason}"
    return reason
