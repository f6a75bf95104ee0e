"""Records: trials as the ledger knows them, and the driver's memory of all of them.

Reading them from the database takes longer with every trial. Since nobody but the lease's holder writes,
it may remember what it has read and written; the memory is what a new process would read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from study.config import TrialConfig

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Outcome", "Phase", "Record", "Records"]

Outcome = Literal["complete", "pruned", "diverged", "failed"]
Phase = Literal["search", "confirm"]

NOT_ASKED = {"never_started", "retry_of"}  # trials that a sampler did not propose


@dataclass(frozen=True)
class Record:
    """One trial as the ledger knows it. `value` is validation macro accuracy; missing until it has ended."""

    key: str
    phase: Phase
    arm: str
    number: int
    config: dict[str, Any]
    outcome: Outcome | None
    value: float | None
    why: str | None
    trial_id: int
    driver: str = ""  # who started it last

    @property
    def running(self) -> bool:
        return self.outcome is None

    def trial_config(self) -> TrialConfig:
        return TrialConfig(**self.config)

    @classmethod
    def read(cls, phase: Phase, frozen: FrozenTrial) -> Record:
        """The record that is stored as `frozen`."""
        attributes = frozen.user_attrs
        finished = frozen.state.is_finished()
        return cls(
            key=attributes["key"],
            phase=phase,
            arm=attributes["arm"],
            number=frozen.number,
            config=json.loads(attributes["config"]),
            outcome=attributes.get("outcome", "failed") if finished else None,
            value=frozen.value if frozen.state.name == "COMPLETE" else None,
            why=attributes.get("why"),
            trial_id=frozen._trial_id,
            driver=attributes.get("driver", ""),
        )


class Records:
    """Every trial with a key, once: of a key that was tried again the newest, duplicates left out.

    `studies`: names of the Optuna studies; in their order, and by number, the records come.
    """

    def __init__(self, studies: Sequence[str]) -> None:
        self._records: dict[str, dict[str, Record]] = {name: {} for name in studies}
        self._proposed = dict.fromkeys(studies, 0)
        self._known: dict[str, Record] = {}

    def __iter__(self) -> Iterator[Record]:
        for of_study in self._records.values():
            yield from of_study.values()

    def read(self, study: str, phase: Phase, trials: Iterable[FrozenTrial]) -> None:
        """Take all that is stored of `study`."""
        for frozen in trials:
            if not NOT_ASKED & frozen.user_attrs.keys():
                self._proposed[study] += 1
            if "key" in frozen.user_attrs and "duplicate_of" not in frozen.user_attrs:
                self.put(study, Record.read(phase, frozen))

    def put(self, study: str, record: Record, proposed: bool = False) -> None:
        """`record` is on record in `study`, as it is now. `proposed`: just so, by the study's sampler."""
        self._records[study][record.key] = self._known[record.key] = record
        self._proposed[study] += proposed

    def put_duplicate(self, study: str) -> None:
        """The sampler of `study` has proposed something that was known."""
        self._proposed[study] += 1

    def get(self, key: str) -> Record | None:
        """The record of `key`, in whatever study."""
        return self._known.get(key)

    def keys(self) -> set[str]:
        """All keys on record."""
        return set(self._known)

    def started(self, study: str) -> int:
        """How many keys there are in `study`."""
        return len(self._records[study])

    def proposed(self, study: str) -> int:
        """How often the sampler of `study` has proposed something, duplicates included."""
        return self._proposed[study]
