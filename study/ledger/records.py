"""Records: trials as the ledger stores them, and the driver's copy of all records in memory.

The more trials a study has, the longer the database takes to return them. Only the holder of the lease writes
to the ledger. So the holder may keep in memory what it has read and written: a new process that read the
database would get the same records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

from study.config import TrialConfig

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["OUTCOMES", "Choice", "Phase", "Record", "Records", "State", "Wanted"]

Phase = Literal["search", "confirm"]

NOT_PROPOSED = {"never_started", "retry_of"}  # marks of trials that no sampler proposed


class State(StrEnum):
    """What a trial is doing, or how the trial ended. The values are those on record in ledger and MLflow."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"  # begun, interrupted, and to be resumed
    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the state is an outcome: nothing more happens to the trial."""
        return self in OUTCOMES


OUTCOMES = (State.COMPLETE, State.PRUNED, State.DIVERGED, State.FAILED)


class Choice(NamedTuple):
    """How the values of a confirm run were selected: `rule` and `fit` (`study.selection.Selected`).

    tried: the key of the best tried trial.
    """

    rule: str
    fit: str
    tried: str


@dataclass(frozen=True)
class Wanted:
    """A trial to start. choice: of a confirm run whose study records how its values were selected."""

    arm: str
    config: TrialConfig
    tuning: int = 0
    choice: Choice | None = None


@dataclass(frozen=True)
class Record:
    """One trial as the ledger stores it.

    outcome: how the trial ended; missing while the trial has not ended. value: validation macro accuracy of a
    complete trial, over the languages that the study selects on. costs: of a complete search trial, in the
    order of the study's costs. driver: who started the trial last. tuning:
    the tuning of its arm, from 0. choice: how the values of a confirm run were selected; missing in studies
    that began before this was on record.
    """

    key: str
    phase: Phase
    arm: str
    number: int
    config: TrialConfig
    outcome: State | None
    value: float | None
    why: str | None
    trial_id: int
    driver: str = ""
    tuning: int = 0
    choice: Choice | None = None
    costs: tuple[float, ...] = ()

    @property
    def running(self) -> bool:
        """Whether the trial has not ended."""
        return self.outcome is None

    @classmethod
    def read(cls, phase: Phase, frozen: FrozenTrial) -> Record:
        """Return the record of the Optuna trial `frozen`, which is in the study of `phase`."""
        attributes = frozen.user_attrs
        finished = frozen.state.is_finished()
        values: list[float] = (frozen.values or []) if frozen.state.name == "COMPLETE" else []
        return cls(
            key=attributes["key"],
            phase=phase,
            arm=attributes["arm"],
            number=frozen.number,
            config=TrialConfig.model_validate_json(attributes["config"]),
            outcome=State(attributes.get("outcome", State.FAILED)) if finished else None,
            value=values[0] if values else None,
            why=attributes.get("why"),
            trial_id=frozen._trial_id,
            driver=attributes.get("driver", ""),
            tuning=int(attributes.get("tuning", 0)),
            choice=Choice(**attributes["choice"]) if "choice" in attributes else None,
            costs=tuple(values[1:]),
        )


class Records:
    """The records of all trials that have a key. Duplicates are left out.

    A key that was tried again has one record, that of the newest trial. Records come in the order of
    `studies` (names of Optuna studies), then by number.
    """

    def __init__(self, studies: Sequence[str]) -> None:
        self._records: dict[str, dict[str, Record]] = {name: {} for name in studies}
        self._proposed = dict.fromkeys(studies, 0)
        self._known: dict[str, Record] = {}

    def __iter__(self) -> Iterator[Record]:
        for of_study in self._records.values():
            yield from of_study.values()

    def read(self, study: str, phase: Phase, trials: Iterable[FrozenTrial]) -> None:
        """Add all `trials` that are stored in `study`."""
        for frozen in trials:
            if not NOT_PROPOSED & frozen.user_attrs.keys():
                self._proposed[study] += 1
            if "key" in frozen.user_attrs and "duplicate_of" not in frozen.user_attrs:
                self.put(study, Record.read(phase, frozen))

    def put(self, study: str, record: Record, proposed: bool = False) -> None:
        """Store `record`, in place of an older one. proposed: the sampler of `study` has just proposed it."""
        self._records[study][record.key] = self._known[record.key] = record
        self._proposed[study] += proposed

    def put_duplicate(self, study: str) -> None:
        """Count a proposal of the sampler of `study` whose key has a record already."""
        self._proposed[study] += 1

    def get(self, key: str) -> Record | None:
        """Return the record of `key`, in any of the studies; None if there is none."""
        return self._known.get(key)

    def keys(self) -> set[str]:
        """Return all keys."""
        return set(self._known)

    def started(self, study: str) -> int:
        """Return how many keys `study` has."""
        return len(self._records[study])

    def proposed(self, study: str) -> int:
        """Return how often the sampler of `study` has proposed something, duplicates included."""
        return self._proposed[study]
