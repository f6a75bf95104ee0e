"""The values that `--place KEY=VALUE` takes: which texts are allowed, and the options of every place."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

__all__ = ["Count", "Gibibytes", "Host", "Image", "Line", "Options", "Path", "Variable", "Word"]

SECRET = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)
OURS = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
"""Variables that the files of a place set themselves."""


def _like(pattern: str, what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"must be {what}, not {text!r}")
        return text

    return AfterValidator(check)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"must be one line of printable text, not {text!r}")
    return text


Count = Annotated[int, Field(ge=0, le=100_000)]
Gibibytes = Annotated[int, Field(ge=1, le=1_000_000)]
Line = Annotated[str, AfterValidator(_one_line)]
Word = Annotated[str, _like(r"\w[\w.@+-]{0,127}", "letters, digits, '_', '-', '.', '+' or '@'")]
Host = Annotated[str, _like(r"\w[\w.:-]{0,252}", "the name or the address of a machine")]
Image = Annotated[str, _like(r"\w[\w.:/@-]{0,254}", "the name of a container image")]
Path = Annotated[Line, _like(r"[/~][^\0]*", "a path that begins with / or ~")]
Variable = Annotated[str, _like(r"[A-Za-z_]\w{0,127}", "the name of an environment variable")]


class Options(BaseModel):
    """The options of every place. An unknown option is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: dict[Variable, Line] = Field(
        default={}, description="variables of the study and of its workers; repeat the option for more"
    )
    secrets: tuple[Variable, ...] = Field(
        default=(),
        description="variables whose values are taken from the environment of the submitting command, and "
        "stand in no file that is printed",
    )

    @classmethod
    def names(cls) -> list[str]:
        """The names of the options, the place's own first."""
        return sorted(cls.model_fields, key=lambda name: name in Options.model_fields)

    @model_validator(mode="after")
    def _no_secret_is_a_plain_value(self) -> Options:
        for name in self.environment:
            if SECRET.search(name):
                raise ValueError(f"environment: {name} may be a secret; give secrets={name}")
        for name in (*self.environment, *self.secrets):
            if name in OURS:
                raise ValueError(f"{name}: the place sets this variable itself")
        return self
