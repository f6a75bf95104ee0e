"""Names of runs as people read them: what varies in the study, in short."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from study.ledger.records import Record
from study.planning.plan import ORDER, Plan

__all__ = ["automatic_name", "teacher_name", "trial_name"]

SHORT = {
    **dict.fromkeys(("init", "layer_map", "loss", "teacher_data", "train_languages"), ""),
    "depth": "d",
    "alpha": "a",
    "temperature": "T",
    "data_fraction": "f",
    "learning_rate": "lr",
    "warmup": "w",
    "weight_decay": "wd",
    "batch_size": "b",
    "steps": "n",
    "epochs": "e",
    "teacher_languages": "tl=",
    "teacher_seed": "ts",
}
"""What stands before the value of a hyperparameter; nothing before words that tell by themselves."""


def automatic_name(key: str, phase: str) -> str:
    """The name that older versions gave to a run. A run that has it is renamed; a user's name stays."""
    return f"teacher {key[:8]}" if phase == "teacher" else key[:8]


def trial_name(plan: Plan, record: Record) -> str:
    """The values that differ in the study and have an effect, the tuning if there are several, and the seed.

    Such as "teacher a0.5 lr4.84e-4 s1". Seed 0 is the seed of the search, 1, 2, ... are of confirm runs.
    """
    values = plan.shown(record.config)
    differ = [n for n in ORDER if n in values and (n in plan.space.scientific or n in plan.space.searched)]
    words = [f"{SHORT.get(name, f'{name}=')}{_short(values[name])}" for name in differ]
    if plan.tunings > 1:
        words.append(f"t{record.tuning}")
    seed = record.config.seed - plan.each_tuning()[record.tuning].search_seed
    return " ".join([*words, f"s{seed}"])


def teacher_name(plan: Plan, recipe: Mapping[str, Any]) -> str:
    """The base model, or the given teacher, and the data that the teacher saw."""
    source = plan.request.get("teacher") or plan.request.get("model") or "model"
    words = ["teacher", PurePath(str(source)).name]
    data = recipe.get("data")
    if isinstance(data, Mapping):
        words += [f"f{_short(data['fraction'])}"] if "fraction" in data else []
        words += [f"s{data['data_seed']}"] if "data_seed" in data else []
    if "teacher_seed" in plan.space.scientific and "teacher_seed" in recipe:
        words.append(f"ts{recipe['teacher_seed']}")
    if "teacher_languages" in recipe:
        words.append(str(plan.shown_recipe(recipe)["teacher_languages"]))
    return " ".join(words)


def _short(value: Any) -> str:
    """A number with three significant digits, small ones as 4.84e-4; other values as they are."""
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.3g}" if 0.01 <= abs(value) < 1000 or value == 0 else f"{value:.3e}"
    mantissa, _, power = text.partition("e")
    return text if not power else f"{float(mantissa):.3g}e{int(power)}"
