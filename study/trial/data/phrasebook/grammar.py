"""From a language's templates and fillers to distinct texts, with held-out parts for evaluation.

A template is a sentence. In it ``[a|b|]`` is a choice between wordings (the last wording is empty), and
``{slot}`` or ``{slot.form}`` is replaced by a filler. Every template belongs to one split. Every filler
belongs to one split too, except that validation and test share the held-out fillers. So a text of validation
or test has a sentence frame and fillers that no training text of its language has.

Choices come from named streams by integer arithmetic alone, never from a library's sampling routines, so that
the rows have the same bytes on every platform and under every NumPy version.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from study.streams import stream
from study.trial.data.task import SPLITS

__all__ = [
    "INTENTS",
    "Filler",
    "Language",
    "Piece",
    "Row",
    "deal_fillers",
    "deal_templates",
    "draw_text",
    "folded",
    "language_pieces",
    "language_rows",
]

INTENTS = (
    "alarm",
    "food_order",
    "hotel",
    "music",
    "payment",
    "smalltalk",
    "smart_home",
    "translation",
    "transport",
    "weather",
)

# Evaluation has the same size in every language, so that per-language scores are equally precise.
VALIDATION_TEXTS = 70
TEST_TEXTS = 100

_CHOICE = re.compile(r"\[([^][]*)\]")
_SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")
_ATTEMPTS = 1000

Filler = Mapping[str, str]  # form name -> words; a filler with a single form has it under ""
Row = tuple[str, str]  # text, intent
Piece = tuple[str, str]  # a part of a text, and the slot that it fills; "" outside of slots


@dataclass(frozen=True)
class Language:
    """A language's data, as its module defines them.

    train: number of training texts.
    slots: fillers, one a line or separated by ``|``. If a filler needs several forms (cases, articles), the
        key names the forms after the slot, ``"city.in.to"``, and each filler lists its forms in that order
        between slashes. Every language has the slots `opener` and `closer`: sentences before or after any
        request.
    templates: intent -> templates, one a line.
    """

    train: int
    slots: Mapping[str, str]
    templates: Mapping[str, str]

    def texts(self, split: str) -> int:
        """The number of texts of the split called `split`."""
        return {"train": self.train, "validation": VALIDATION_TEXTS, "test": TEST_TEXTS}[split]


class _Digits:
    """Choices: the mixed-radix digits of one number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def below(self, n: int) -> int:
        self.number, digit = divmod(self.number, n)
        return digit


def folded(text: str) -> str:
    """The form of `text` that is compared to find duplicates: NFKC, casefold, white space collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def deal_templates(language: Language, code: str, seed: int) -> dict[str, dict[str, list[str]]]:
    """split -> intent -> templates: validation and test get a quarter of each intent's templates each."""
    if set(language.templates) != set(INTENTS):
        raise ValueError(f"phrasebook language {code} needs templates for exactly {', '.join(INTENTS)}")
    dealt: dict[str, dict[str, list[str]]] = {split: {} for split in SPLITS}
    for intent in INTENTS:
        templates = _shuffled(_lines(language.templates[intent]), seed, code, "template", intent)
        quarter = len(templates) // 4
        dealt["validation"][intent] = templates[:quarter]
        dealt["test"][intent] = templates[quarter : 2 * quarter]
        dealt["train"][intent] = templates[2 * quarter :]
    return dealt


def deal_fillers(language: Language, code: str, seed: int) -> dict[str, dict[str, list[Filler]]]:
    """split -> slot -> fillers: a third of each slot's fillers is held out from training."""
    dealt: dict[str, dict[str, list[Filler]]] = {split: {} for split in SPLITS}
    for key, text in language.slots.items():
        slot, *forms = key.split(".")
        entries = [entry for line in _lines(text) for entry in line.split("|")]
        fillers: list[Filler] = [
            dict(zip(forms or [""], (form.strip() for form in entry.split("/")), strict=True))
            for entry in _shuffled([entry.strip() for entry in entries], seed, code, "slot", slot)
        ]
        held_out = fillers[: len(fillers) // 3]
        dealt["train"][slot] = fillers[len(held_out) :]
        dealt["validation"][slot] = dealt["test"][slot] = held_out
    return dealt


def language_rows(language: Language, code: str, seed: int) -> dict[str, list[Row]]:
    """split -> rows of one language, distinct over all its splits, labels balanced, in shuffled order.

    Raises:
        ValueError: if the grammar is too small for the number of texts.
    """
    found = language_pieces(language, code, seed)
    return {split: [(joined(pieces), intent) for pieces, intent in rows] for split, rows in found.items()}


def language_pieces(
    language: Language, code: str, seed: int, hold_out_fillers: bool = True
) -> dict[str, list[tuple[tuple[Piece, ...], str]]]:
    """The rows of `language_rows`, each text as its pieces.

    hold_out_fillers: whether validation and test have fillers of their own. Otherwise every split has all
    fillers, and only the templates of validation and test are their own.

    Raises:
        ValueError: as `language_rows`.
    """
    templates = deal_templates(language, code, seed)
    fillers = deal_fillers(language, code, seed)
    if not hold_out_fillers:
        every = {slot: [*kept, *fillers["test"][slot]] for slot, kept in fillers["train"].items()}
        fillers = dict.fromkeys(SPLITS, every)
    seen: set[str] = set()
    rows: dict[str, list[tuple[tuple[Piece, ...], str]]] = {}
    for split in SPLITS:
        size = language.texts(split)
        drawn = []
        for i, intent in enumerate(INTENTS):
            for n in range(size * (i + 1) // len(INTENTS) - size * i // len(INTENTS)):
                names = (code, split, intent, n)
                drawn.append(
                    (_new_text(templates[split][intent], fillers[split], seen, seed, *names), intent)
                )
        order = {
            pieces: stream(seed, "phrasebook", code, split, "order", joined(pieces)) for pieces, _ in drawn
        }
        rows[split] = sorted(drawn, key=lambda row: order[row[0]])
    return rows


def draw_text(templates: Sequence[str], fillers: Mapping[str, Sequence[Filler]], number: int) -> str:
    """One text, chosen by the digits of `number`: a template, its wordings and its fillers."""
    digits = _Digits(number)
    return joined(_filled(templates[digits.below(len(templates))], fillers, digits))


def joined(pieces: Sequence[Piece]) -> str:
    """The text of `pieces`."""
    return "".join(part for part, _ in pieces)


def _new_text(
    templates: Sequence[str],
    fillers: Mapping[str, Sequence[Filler]],
    seen: set[str],
    seed: int,
    *names: str | int,
) -> tuple[Piece, ...]:
    start = int(names[-1])
    for attempt in range(_ATTEMPTS):
        digits = _Digits(stream(seed, "phrasebook", *names, attempt))
        # Templates take turns, so that even a small split uses all of them.
        pieces = _filled(templates[(start + attempt) % len(templates)], fillers, digits)
        if (form := folded(joined(pieces))) not in seen:
            seen.add(form)
            return pieces
    raise ValueError(f"phrasebook {names}: too few templates and fillers for so many distinct texts")


def _filled(template: str, fillers: Mapping[str, Sequence[Filler]], digits: _Digits) -> tuple[Piece, ...]:
    """One text of `template` in pieces; a slot that occurs twice gets two different fillers."""
    used: dict[str, set[int]] = {}

    def choice(match: re.Match[str]) -> str:
        options = match[1].split("|")
        return options[digits.below(len(options))]

    def filler(slot: str, form: str) -> str:
        taken = used.setdefault(slot, set())
        free = [i for i in range(len(fillers[slot])) if i not in taken]
        taken.add(picked := free[digits.below(len(free))])
        return fillers[slot][picked][form]

    def sentence(part: str) -> list[Piece]:
        text, found, end = _CHOICE.sub(choice, part), [], 0
        for match in _SLOT.finditer(text):
            found += [(text[end : match.start()], ""), (filler(match[1], match[2] or ""), match[1])]
            end = match.end()
        found = [piece for piece in (*found, (text[end:], "")) if piece[0]]
        # A slot or a choice may begin a sentence, so the capital letter is set here. It is title case,
        # because Georgian uses upper case for headlines only.
        (first, slot), *rest = found
        return [(first[:1].title() + first[1:], slot), *rest]

    before, after = digits.below(4) == 0, digits.below(4) == 0
    parts = ["{opener}"] * before + [template] + ["{closer}"] * after
    pieces = sentence(parts[0])
    for part in parts[1:]:
        pieces += [(" ", ""), *sentence(part)]
    return tuple(pieces)


def _shuffled(items: Sequence[str], seed: int, *names: str) -> list[str]:
    """`items` ordered by the hash of their content, so that a new item leaves the others in their order."""
    return sorted(items, key=lambda item: stream(seed, "phrasebook", *names, item))


def _lines(block: str) -> list[str]:
    return [line.strip() for line in block.splitlines() if line.strip()]
