"""The rule that picks: the best validation score among complete trials; of equal trials the earliest."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from study.ledger.records import Record
from study.selection import BestValidation, Candidate, Selected, select


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


@given(trials, st.randoms())
def test_the_order_of_reading_does_not_matter_to_interpolation(
    candidates: list[Trial], random: Random
) -> None:
    """The best of equal trials is the earliest, whatever the order in which trials are read."""

    def selected(read: list[Trial]) -> Selected[Trial] | None:
        return select(read, lambda trial: {"rate": 10.0 ** -(1 + trial.number / 25)}, {"rate": True})

    shuffled = random.sample(candidates, len(candidates))
    assert selected(shuffled) == selected(candidates)


@given(trials)
def test_without_a_range_the_best_tried_trial_is_selected_as_it_is(candidates: list[Trial]) -> None:
    best, found = BestValidation().best(candidates), select(candidates, lambda trial: {"init": 1}, {})
    assert found == (best and Selected(best, {}, "best tried", "no range is tuned"))


def test_trials_without_the_bests_levels_or_ranges_are_no_points() -> None:
    values: dict[int, dict[str, object]] = {
        0: {"rate": 1e-4, "loss": "kl"},
        1: {"rate": 1e-3, "loss": "kl"},
        2: {"rate": 1e-2, "loss": "kl"},
        3: {"rate": 3e-3, "loss": "mse"},
        4: {"loss": "kl"},
    }
    scores = {0: 0.3, 1: 0.5, 2: 0.4, 3: 0.45, 4: 0.45}
    candidates = [Trial("a", number, "complete", score) for number, score in scores.items()]
    found, without = (
        select(some, lambda trial: values[trial.number], {"rate": True})
        for some in (candidates, candidates[:3])
    )
    assert found == without
    assert found is not None
    assert (found.tried.number, found.rule) == (1, "parabola")


def test_test_scores_are_not_among_the_inputs() -> None:
    """What the rule may look at is what a candidate has: validation alone."""
    seen = {name for name in dir(Candidate) if not name.startswith("_")}
    assert seen == {"arm", "number", "outcome", "value"}
    assert not {f.name for f in fields(Record) if "test" in f.name}
