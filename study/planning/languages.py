"""Languages of training texts: how a space writes them, and the list of codes that each comes to on a task.

A space may write `all`, one code, codes joined by `+`, `but:CODE` (all but one), or `half:SEED` (a random
half). A plan keeps these as the names of the values, because they are short, and turns them into lists of
codes in a trial's configuration, because a trial's key is a function of content alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from study.config import ALL, LANGUAGES, digest
from study.errors import RequestError, did_you_mean
from study.space import SearchSpace
from study.streams import stream

__all__ = ["Languages", "OfTask", "codes_of", "in_languages", "random_half"]

HALF, BUT = "half:", "but:"
SHOWN = 10
"""MLflow's UI cuts values at so many characters, so the names of two values differ before."""
LONGEST = 32
"""Characters of a list that is its own name."""


class OfTask(NamedTuple):
    """The facts about a task that planning needs.

    every: its languages; trained: those of them with training texts; metric: what students are compared by.
    """

    fingerprint: str
    every: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()
    metric: Literal["accuracy", "f1"] = "accuracy"


class Languages(BaseModel):
    """The languages of a task, and the lists that the names in a space stand for.

    every: all languages. trained: those with training texts. lists: a name -> `all` or codes joined by `+`; a
    name that is missing stands for itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()
    lists: dict[str, str] = {}

    def content(self, name: Any) -> Any:
        """The list that `name` stands for, as a trial's configuration has it."""
        return self.lists.get(str(name), name)

    def seen(self, content: str) -> tuple[str, ...]:
        """The languages of the training texts that the list `content` chooses."""
        return self.trained if content == ALL else tuple(content.split("+"))

    def unseen(self, content: str) -> tuple[str, ...]:
        """The languages of the task without such training texts."""
        seen = set(self.seen(content))
        return tuple(language for language in self.every if language not in seen)


@dataclass(frozen=True)
class _Written:
    """A value as a space writes it: for messages, the name of its hyperparameter; and its codes."""

    field: str
    text: str
    codes: tuple[str, ...]


def in_languages(space: SearchSpace, task: OfTask) -> tuple[SearchSpace, Languages]:
    """`space` with the names of all lists of languages, and what these names stand for on `task`.

    Raises:
        RequestError: if a language is unknown or has no training text, a value has another form, or two
            levels are the same languages.
    """
    every, trained = task.every, task.trained
    named: dict[str, dict[str, str]] = {}
    lists: dict[str, str] = {}
    for field in LANGUAGES:
        values = dict.fromkeys(str(value) for value in _values(space, field))
        written = [_Written(field, text, codes_of(field, text, every, trained)) for text in values]
        _check_different(written)
        names = _names(written, trained)
        named[field] = {one.text: name for one, name in zip(written, names, strict=True)}
        for one, name in zip(written, names, strict=True):
            content = ALL if one.codes == tuple(sorted(trained)) else "+".join(one.codes)
            if content == ALL and len(one.codes) < len(trained):
                raise RequestError(f"{field}={one.text}: a language called all must not stand alone")
            if content != name:
                lists[name] = content
    languages = Languages(every=tuple(every), trained=tuple(sorted(trained)), lists=lists)
    return _renamed(space, lambda field, text: named[field][str(text)]), languages


def codes_of(field: str, text: str, every: Sequence[str], trained: Sequence[str]) -> tuple[str, ...]:
    """The sorted codes of the languages that `text` stands for, a value of the hyperparameter `field`.

    Raises:
        RequestError: if `text` has no such form, or a language is unknown or has no training text.
    """
    if text == ALL:
        return tuple(sorted(trained))
    if text.startswith(HALF):
        seed = text.removeprefix(HALF)
        if not re.fullmatch(r"\d{1,9}", seed):
            raise RequestError(f"{field}={text}: must be half:SEED with a whole number, such as half:1")
        return random_half(trained, int(seed))
    if text.startswith(BUT):
        out = text.removeprefix(BUT)
        _check_code(field, text, out, every, trained)
        if len(trained) == 1:
            raise RequestError(f"{field}={text}: {out} is the only language with training rows")
        return tuple(sorted(set(trained) - {out}))
    codes = text.split("+")
    for code in codes:
        _check_code(field, text, code, every, trained)
    return tuple(sorted(set(codes)))


def random_half(trained: Iterable[str], seed: int) -> tuple[str, ...]:
    """Half of the `trained` languages, rounded down but at least one, sorted; the draw of `seed`.

    Each language has a lot of its own, a function of its code and the seed, so the draw is the same on every
    machine. The languages with the lowest lots are drawn.
    """
    lots = sorted((stream(seed, "half of the languages", code), code) for code in set(trained))
    return tuple(sorted(code for _, code in lots[: max(1, len(lots) // 2)]))


def _values(space: SearchSpace, field: str) -> Iterable[Any]:
    """All values that `space` gives to `field`, in any role."""
    for role in (space.scientific, space.nuisance, space.varied):
        levels = role.get(field, ())
        yield from levels if isinstance(levels, tuple) else ()
    if field in space.fixed:
        yield space.fixed[field]


def _check_code(field: str, text: str, code: str, every: Sequence[str], trained: Sequence[str]) -> None:
    whose = "" if code == text else f" in {text}"
    if code in trained:
        return
    if code in every:
        raise RequestError(
            f"{field}: {code}{whose} has no training rows, so nothing can be trained on it; languages with "
            f"training rows are {', '.join(trained)}"
        )
    near = did_you_mean(code, trained)
    raise RequestError(
        f"{field}: {code!r}{whose} is no language of the task{near}; languages with training rows are "
        f"{', '.join(trained)}; a value may also be all, A+B, but:CODE or half:SEED"
    )


def _check_different(written: Sequence[_Written]) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for one in written:
        if (first := seen.setdefault(one.codes, one.text)) != one.text:
            left = ",".join(other.text for other in written if other is not one)
            raise RequestError(
                f"{one.field}: {first} and {one.text} are the same languages of this task "
                f"({', '.join(one.codes)}); --set {one.field}={left}"
            )


def _names(written: Sequence[_Written], trained: Sequence[str]) -> list[str]:
    """The names of the values: as they are written, but lists sorted, and long lists by number and hash."""
    names = []
    for one in written:
        text = one.text
        if not text.startswith((HALF, BUT)):
            text = ALL if one.codes == tuple(sorted(trained)) else "+".join(one.codes)
        names.append(text)
    short = [name[:SHOWN] for name in names]
    return [
        f"{len(one.codes)}:{digest(one.codes)[:6]}"
        if len(name) > LONGEST or " " in name or short.count(name[:SHOWN]) > 1
        else name
        for one, name in zip(written, names, strict=True)
    ]


def _renamed(space: SearchSpace, name_of: Callable[[str, Any], str]) -> SearchSpace:
    """`space` with the name of each value of a list of languages."""
    update: dict[str, Any] = {}
    for role in ("scientific", "nuisance", "varied", "fixed"):
        values = dict(getattr(space, role))
        for field in LANGUAGES:
            if isinstance(levels := values.get(field), tuple):
                values[field] = tuple(name_of(field, level) for level in levels)
            elif levels is not None:
                values[field] = name_of(field, levels)
        update[role] = values

    def renamed(point: dict[str, Any]) -> dict[str, Any]:
        return {key: name_of(key, value) if key in LANGUAGES else value for key, value in point.items()}

    for named in ("enqueued", "excluded"):
        update[named] = tuple(map(renamed, getattr(space, named)))
    update["tied"] = tuple(tuple(map(renamed, group)) for group in space.tied)
    return SearchSpace(**(space.model_dump() | update))
