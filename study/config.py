"""One trial's configuration: validated, frozen, canonical, hashable.

`TrialConfig` holds everything that decides a trial's numbers, and nothing else: fingerprints of contents
instead of paths, no device, no folder, no number of workers. Its `key` is the trial's name in Optuna, in
MLflow and on disk.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from study.errors import RequestError, did_you_mean

__all__ = [
    *(
        "ALL",
        "GATES",
        "LANGUAGES",
        "LATER",
        "NO_ORDER",
        "SEEN_OR_UNSEEN",
        "SUMMARIES",
        "TrialConfig",
        "canonical_json",
    ),
    *("digest", "headline", "kinds_of", "parse_config", "rounded"),
]

GATES = frozenset({"init", "depth", "alpha", "loss", "data_fraction"})
"""Hyperparameters whose values decide whether other hyperparameters have an effect (`TrialConfig.inert`)."""

ALL = "all"
"""The value of a list of languages that names every language with training rows."""

LATER = {"label_floor": 1, "train_languages": ALL, "teacher_languages": ALL}
"""Fields that came after the first studies, with their defaults."""

NO_ORDER = frozenset({"teacher_seed"})
"""Whole numbers of which neither the size nor the order means anything."""

LANGUAGES = ("train_languages", "teacher_languages")
"""Fields that hold a list of languages: `all`, or sorted codes joined by `+`."""

SEEN_OR_UNSEEN = ("seen_macro", "seen_worst", "unseen_macro", "unseen_worst")
"""Mean and minimum over the languages that the student is trained on, and over the other languages."""

SUMMARIES = ("macro", "worst", *SEEN_OR_UNSEEN)
"""What stands in the place of a language among scores, and is a summary over languages."""


def headline(scores: Mapping[str, Any]) -> str:
    """The metric that trials are compared by: the F1 of entities if it was scored, otherwise accuracy."""
    return "f1" if "f1" in scores else "accuracy"


def canonical_json(value: Any) -> str:
    """`value` as JSON: sorted keys, no white space, floats by `repr` (the shortest exact text).

    Raises:
        ValueError: if a number is NaN or infinite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (64 hexadecimal digits) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class TrialConfig(BaseModel):
    """One student: its task, its initial weights, its loss, and its training recipe.

    The loss is ``alpha * CE(z_s, y) + (1 - alpha) * soft(z_s, z_t)`` with ``soft`` either
    ``T^2 * KL(softmax(z_t / T) || softmax(z_s / T))`` (`loss="kl"`) or ``MSE(z_s, z_t)`` (`"mse"`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    # The task and the base model: fingerprints of contents, never paths.
    task: str = Field(description="fingerprint (sha256) of the task's rows")
    model: str = Field(description="fingerprint (sha256) of the base model's files")
    model_layers: int = Field(ge=1, description="number of layers of the base model, and so of the teacher")

    # Scientific factors: the usual subjects of a study.
    # The order matters: a field stands after the fields that can make it inert.
    init: str = Field("teacher", description="init method: where the student's initial weights come from")
    depth: int = Field(ge=1, description="number of layers of the student; a space may give a share, as 1/2")
    layer_map: str = Field(
        "uniform", description="layer map: which layers of its source a shallower student copies"
    )
    alpha: float = Field(
        0.5,
        ge=0,
        le=1,
        description="weight of the hard-label loss: 1 is no distillation, 0 distillation alone",
    )
    loss: str = Field("kl", description="distillation loss: how the student's outputs approach the teacher's")
    temperature: float = Field(
        2.0, gt=0, description="softmax temperature T of the kl loss; a higher T softens the outputs"
    )
    data_fraction: float = Field(
        1.0, gt=0, le=1, description="share of the training texts that the student sees, in each language"
    )
    label_floor: int = Field(
        1,
        ge=0,
        le=1,
        description="rows of each label that a data fraction keeps at least, in each language: 1 or 0",
    )
    teacher_data: Literal["full", "same"] = Field(
        "full",
        description="training texts of the teacher: full (all of them) or same (only those of the student)",
    )
    train_languages: str = Field(
        ALL,
        description="languages of the student's training texts: all, or codes joined by +; a space may also "
        "give half:SEED (a random half) or but:CODE (all but one)",
    )
    teacher_languages: str = Field(
        ALL, description="languages of the teacher's training texts, written as train_languages"
    )

    # The student's training recipe.
    learning_rate: float = Field(gt=0, description="peak learning rate of the student (AdamW)")
    warmup: float = Field(
        0.1, ge=0, le=1, description="share of the steps during which the learning rate rises to its peak"
    )
    weight_decay: float = Field(
        0.01, ge=0, description="weight decay of AdamW; not applied to embeddings, biases and norms"
    )
    batch_size: int = Field(32, ge=1, description="texts per optimiser step")
    steps: int | None = Field(
        None, ge=1, description="optimiser steps of the student; 200 if neither steps nor epochs are given"
    )
    epochs: float | None = Field(
        None, gt=0, description="passes over the student's training texts, as the budget instead of steps"
    )
    gradient_clip: float = Field(
        1.0, gt=0, description="largest norm of a step's gradient; a longer gradient is scaled down to it"
    )
    max_length: int = Field(128, ge=4, description="tokens of a text that are read; the rest is cut off")
    seed: int = Field(0, ge=0, description="seed of the student: new weights, order of the texts, dropout")
    data_seed: int = Field(0, ge=0, description="seed of the sample of training texts")

    # The teacher's recipe; it has no effect if a fine-tuned teacher is given.
    teacher: str = Field(
        "", description="fingerprint of a given fine-tuned teacher; empty: the teacher is trained here"
    )
    teacher_steps: int = Field(600, ge=1, description="optimiser steps of the teacher")
    teacher_learning_rate: float = Field(gt=0, description="peak learning rate of the teacher (AdamW)")
    teacher_batch_size: int = Field(32, ge=1, description="texts per optimiser step of the teacher")
    teacher_seed: int = Field(
        0, ge=0, description="seed of the teacher: new head, order of the texts, dropout"
    )

    @field_validator("alpha", "weight_decay", "warmup")
    @classmethod
    def _no_negative_zero(cls, value: float) -> float:
        return value + 0.0

    @field_validator(*LANGUAGES)
    @classmethod
    def _sorted_codes(cls, value: str) -> str:
        codes = value.split("+")
        if not all(codes) or ":" in value:
            raise ValueError("must be all, or codes of languages joined by +")
        return "+".join(sorted(set(codes)))

    @model_validator(mode="before")
    @classmethod
    def _steps_or_epochs(cls, values: Any) -> Any:
        if isinstance(values, dict):
            steps, epochs = values.get("steps"), values.get("epochs")
            if steps is not None and epochs is not None:
                raise ValueError("give steps or epochs, not both")
            if steps is None and epochs is None:
                return values | {"steps": 200}
        return values

    @model_validator(mode="after")
    def _possible(self) -> TrialConfig:
        if self.depth > self.model_layers:
            raise ValueError(f"depth {self.depth} is more than the {self.model_layers} layers of the model")
        if self.teacher and self.teacher_data == "same":
            raise ValueError("teacher_data=same needs a teacher that is trained here, and one was given")
        return self

    def inert(self) -> frozenset[str]:
        """Fields that have no effect on this trial's numbers, so the key leaves them out."""
        off: set[str] = set()
        if self.alpha == 1:
            off |= {"loss", "temperature"}
        if self.loss == "mse":
            off |= {"temperature"}
        if self.init == "random" or self.depth == self.model_layers:
            off |= {"layer_map"}
        if self.data_fraction == 1 or self.teacher:
            off |= {"teacher_data"}
        if self.data_fraction == 1:
            off |= {"label_floor"}
        if self.teacher:
            off |= {name for name in type(self).model_fields if name.startswith("teacher_")}
        off |= {"steps"} if self.steps is None else {"epochs"}
        return frozenset(off)

    def effective(self) -> dict[str, Any]:
        """The values that have an effect, by field."""
        off = self.inert()
        return {name: value for name, value in self.model_dump().items() if name not in off}

    def trains_on(self, language: str) -> bool:
        """Whether the student is trained on the training texts of `language`, if there are any."""
        return self.train_languages == ALL or language in self.train_languages.split("+")

    def training_steps(self, rows: int) -> int:
        """Optimiser steps on `rows` texts: `steps`, or ceil(epochs * ceil(rows / batch_size)), at least 1."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, math.ceil(self.epochs * math.ceil(rows / self.batch_size)))

    def with_seed(self, seed: int) -> TrialConfig:
        """This configuration with `seed` as the student's seed and as the seed of the data sample."""
        return self.model_copy(update={"seed": seed, "data_seed": seed})

    @property
    def key(self) -> str:
        """The trial key: sha256 of the canonical JSON of the effective configuration.

        A field of `LATER` is left out at its default, so that trials of older versions keep their keys.
        """
        named = self.effective()
        for name, default in LATER.items():
            if named.get(name) == default:
                del named[name]
        return digest(named)


def kinds_of(name: str) -> set[type]:
    """Which of `int` and `float` the hyperparameter `name` may be; neither if it is a name."""
    annotation = TrialConfig.model_fields[name].annotation
    return {int, float}.intersection((annotation, *get_args(annotation)))


def rounded(values: Mapping[str, float]) -> dict[str, int | float | str]:
    """`values` of hyperparameters, rounded if the hyperparameter is a whole number."""
    return {
        name: round(value) if name in TrialConfig.model_fields and float not in kinds_of(name) else value
        for name, value in values.items()
    }


def parse_config(values: dict[str, Any]) -> TrialConfig:
    """A `TrialConfig` from plain values.

    Raises:
        RequestError: if a value is not valid. The text is one line: the field, and what it may be.
    """
    try:
        return TrialConfig(**values)
    except ValidationError as error:
        raise RequestError("; ".join(_complaint(e) for e in error.errors())) from None


def _complaint(error: Any) -> str:
    field = ".".join(map(str, error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        near, known = (
            did_you_mean(field, TrialConfig.model_fields),
            ", ".join(sorted(TrialConfig.model_fields)),
        )
        return f"{field}: no such hyperparameter{near}; there are {known}"
    if error["type"] == "missing":
        return f"{field}: a value is missing"
    return f"{field}: {message}, not {error['input']!r}" if field else message
