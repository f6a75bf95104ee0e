"""Levels and ranges of hyperparameters, read from the text that MLflow keeps of them."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass

__all__ = ["Domain", "Value", "parse_arm", "parse_levels", "parse_value"]

Value = int | float | str

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(rf"({NUMBER})\.\.({NUMBER})(, logarithmic)?")


@dataclass(frozen=True)
class Domain:
    """Where a nuisance hyperparameter was tuned: a range (`low`, `high`, `log`), or `levels` in order."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    levels: tuple[Value, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Domain:
        """Reads `5e-05..0.003, logarithmic`, `0..0.3` or `(16, 32, 64)`; other text is neither."""
        if match := RANGE.fullmatch(text.strip()):
            return cls(float(match[1]), float(match[2]), match[3] is not None)
        return cls(levels=parse_levels(text))

    @property
    def is_range(self) -> bool:
        return self.low is not None and self.high is not None

    @property
    def is_numeric(self) -> bool:
        """Whether the values have an order, and therefore an edge."""
        return self.is_range or (bool(self.levels) and all(isinstance(v, (int, float)) for v in self.levels))

    def position(self, value: float) -> float:
        """The position of `value` in the range: 0 at the lower end, 1 at the upper end; in the logarithm if
        `log`.

        NaN if this is no range, or if the value has no position in the range.
        """
        if self.low is None or self.high is None or (self.log and value <= 0):
            return math.nan
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)

    def __str__(self) -> str:
        if self.is_range:
            return f"{self.low:g}..{self.high:g}" + (", logarithmic" if self.log else "")
        return ", ".join(map(str, self.levels))


def parse_levels(text: str) -> tuple[Value, ...]:
    """The levels in `('random', 'base')`; no levels if the text was cut off or is no tuple."""
    try:
        levels = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ()
    if not isinstance(levels, (tuple, list)):
        return ()
    return tuple(level for level in levels if isinstance(level, (int, float, str)))


def parse_value(text: str) -> Value:
    """`text` as an integer or as a finite number, if it is one; otherwise `text` itself."""
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    return float(text) if re.fullmatch(NUMBER, text) else text


def parse_arm(name: str) -> dict[str, Value]:
    """The scientific values that have an effect in the arm `name`, such as `init=teacher alpha=0.2`."""
    pairs = [token.partition("=") for token in name.split(" ")]
    return {key: parse_value(value) for key, equals, value in pairs if key and equals and value}
