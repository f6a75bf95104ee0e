"""The rule that picks: the best validation score among complete trials; of equal trials the earliest."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from study.ledger.records import Record
from study.selection import BestValidation, Candidate


@dataclass(frozen=True)
class Trial:
    arm: str
    number: int
    outcome: str | None
    value: float | None


trials = st.lists(
    st.builds(
        Trial,
        arm=st.sampled_from(["a", "b"]),
        number=st.integers(0, 100),
        outcome=st.sampled_from(["complete", "complete", "pruned", "diverged", "failed", None]),
        value=st.sampled_from([None, 0.0, 0.25, 0.5]),
    ),
    max_size=12,
    unique_by=lambda trial: trial.number,
)


@given(trials)
def test_picked_is_the_highest_complete_and_the_earliest_of_equals(candidates: list[Trial]) -> None:
    best = BestValidation().best(candidates)
    complete = [t for t in candidates if t.outcome == "complete" and t.value is not None]
    if best is None:
        assert not complete
        return
    assert best in complete
    assert all((t.value, -t.number) <= (best.value, -best.number) for t in complete)


@given(trials)
def test_every_arm_with_a_complete_trial_has_its_own_best(candidates: list[Trial]) -> None:
    rule = BestValidation()
    picked = {arm: rule.best([t for t in candidates if t.arm == arm]) for arm in ("a", "b")}
    assert rule.best_of_arms(candidates) == {arm: best for arm, best in picked.items() if best}


@given(trials, st.randoms())
def test_the_order_of_reading_does_not_matter(candidates: list[Trial], random: Random) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)
    assert BestValidation().best(shuffled) == BestValidation().best(candidates)


def test_a_trial_that_was_stopped_is_never_picked_however_good_it_was() -> None:
    stopped = [
        Trial("a", n, outcome, 0.9) for n, outcome in enumerate(["pruned", "diverged", "failed", None])
    ]
    assert BestValidation().best(stopped) is None
    assert BestValidation().best([*stopped, Trial("a", 9, "complete", 0.0)]) == Trial("a", 9, "complete", 0.0)


def test_test_scores_are_not_among_the_inputs() -> None:
    """What the rule may look at is what a candidate has: validation alone."""
    seen = {name for name in dir(Candidate) if not name.startswith("_")}
    assert seen == {"arm", "number", "outcome", "value"}
    assert not {f.name for f in fields(Record) if "test" in f.name}
