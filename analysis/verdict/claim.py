"""Claim C1 in words: what copying did, what distilling did, and which of the two changed accuracy more."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analysis.record.formats import margin_text
from analysis.statistics.effects.copying import PARTS, Copying, Magnitude
from analysis.statistics.intervals import ALPHA

__all__ = ["claim_in_words"]

WHOM = {
    "copying": ("students on labels", "distilled students"),
    "distilling": ("random students", "copies"),
}
"""Whom the two parts of an effect are about, in the order of `PARTS`."""


def claim_in_words(found: Copying, scope: str, unseen: bool = False) -> list[str]:
    """The paragraphs of claim C1. The first one begins with a sentence in bold, and ends with the `scope`.

    unseen: whether students are not trained on some of the languages. Nothing is said of new languages then,
    because the languages of the study are of two kinds.
    """
    first = " ".join([_lead(found), *_numbers(found), f"{_claim(found)} {scope}"])
    return [first, *([] if unseen else _elsewhere(found))]


def _lead(found: Copying) -> str:
    return f"**Copying {_did(found, 'copying')}; distilling {_did(found, 'distilling')}.**"


def _did(found: Copying, effect: str) -> str:
    """What both parts of `effect` show; or what one part shows, its p corrected for all four parts."""
    if direction := found.direction(effect):
        return "helped" if direction > 0 else "hurt"
    parts = [part for part in PARTS if part.startswith(effect)]
    signs = [found.sign(part) for part in parts]
    whom = WHOM[effect]
    did = [f"{'helped' if sign > 0 else 'hurt'} {who}" for sign, who in zip(signs, whom, strict=True) if sign]
    within = [found.intervals[part].within <= found.margin for part in parts]
    same = [who for equal, who in zip(within, whom, strict=True) if equal]
    if len(same) == 2:
        return f"changed nothing within {margin_text(found.margin)}"
    if did and same:
        did.append(f"did not change {same[0]} by more than {margin_text(found.margin)}")
    return " and ".join(did) or "was not shown to help or to hurt"


def _numbers(found: Copying) -> Iterator[str]:
    random, random_distilled, copied, copied_distilled = (f"{100 * mean:.1f}" for mean in found.means)
    seeds = f"{found.seeds} seed{'s' * (found.seeds != 1)}"
    alphas = f" (the mean of alpha {', '.join(map(str, found.alphas))})" if len(found.alphas) > 1 else ""
    yield (
        f"Macro test accuracy, {seeds}: random students {random} on labels and {random_distilled} "
        f"distilled{alphas}; copied students {copied} and {copied_distilled}."
    )
    on_labels, distilled, on_random, on_copies = (_change(found, part) for part in PARTS)
    yield (
        f"Copying changed accuracy by {on_labels} on labels and by {distilled} under distillation; "
        f"distilling changed random students by {on_random} and copies by {on_copies}."
    )
    if any(_by_itself(found, effect) for effect in WHOM):
        yield "One of four intervals may leave out zero by chance, and this one is not far enough from zero."


def _by_itself(found: Copying, effect: str) -> bool:
    """Whether the interval of one part leaves out zero, and nothing is said of this part."""
    parts = [part for part in PARTS if part.startswith(effect)]
    alone = [part for part in parts if found.intervals[part].p < ALPHA and not found.sign(part)]
    return bool(alone) and not found.direction(effect)


def _change(found: Copying, part: str) -> str:
    one = found.intervals[part]
    return f"{_signed(one.estimate)} points{_interval(one.low, one.high)}"


def _claim(found: Copying) -> str:
    return f"*Claim C1, copying changes accuracy more than distilling does: {_verdict(found)}.*"


def _verdict(found: Copying) -> str:
    size = abs(found.magnitude.estimate)
    by = f"by {100 * size:.1f} points in magnitude{_bounds(found.magnitude)}"
    if found.shown == "copying":
        return f"supported, {by}"
    if found.shown == "distilling":
        return f"contradicted, distilling changed accuracy more, {by}"
    both = f"copying {_mean(found, 'copying')}, distilling {_mean(found, 'distilling')}"
    if found.shown == "equal":
        return f"not supported, the two are equal in magnitude within {margin_text(found.margin)} ({both})"
    if math.isnan(found.magnitude.p):
        return f"not decided, because the spread over seeds is not known ({both})"
    for effect in WHOM:
        if found.opposed(effect):
            return f"not decided, because {effect} {_did(found, effect)}: no single number describes {effect}"
    larger = "copying" if found.magnitude.estimate > 0 else "distilling"
    if found.magnitude.p < ALPHA:
        return f"not decided, because the effect of {larger} itself is not clear ({both})"
    return f"not decided, these runs do not show which of the two changed accuracy more ({both})"


def _mean(found: Copying, effect: str) -> str:
    one = found.intervals[effect]
    return f"{_signed(one.estimate)}{_interval(one.low, one.high)}"


def _elsewhere(found: Copying) -> Iterator[str]:
    new = found.in_new_languages
    if math.isnan(new.low) or found.shown not in ("copying", "distilling"):
        return
    shown = new.p < ALPHA and new.estimate * found.magnitude.estimate > 0
    yield (
        "For other languages that the teacher was trained on, if these languages are a random sample of "
        f"them, the difference in magnitude is {100 * abs(new.estimate):.1f} points{_bounds(new)}: "
        + (
            f"{found.shown} changes accuracy more for such languages too."
            if shown
            else "for such languages, these runs do not show which of the two changes accuracy more."
        )
    )


def _bounds(found: Magnitude) -> str:
    """The interval of a difference in magnitude, in the direction in which the difference is positive."""
    ends = (found.low, found.high) if found.estimate > 0 else (-found.high, -found.low)
    return _interval(*ends)


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f" [{100 * low:.1f}, {100 * high:.1f}]"


def _signed(value: float) -> str:
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text
