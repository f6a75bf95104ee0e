"""The Pareto front: what no other student beats, and nothing else."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from study.front import front_of, fronts_of_arms
from study.selection import BestValidation


class Student(NamedTuple):
    arm: str
    number: int
    outcome: str | None
    value: float | None
    costs: tuple[float, ...]


def students(costs: int) -> st.SearchStrategy[list[Student]]:
    """Students with few distinct scores and costs, so that many are equal in some of them."""
    levels = st.sampled_from([0.0, 1.0, 2.0, 3.0])
    outcomes = st.sampled_from(["complete", "complete", "diverged", None])
    facts = st.tuples(st.sampled_from("ab"), outcomes, levels, st.tuples(*[levels] * costs))
    return st.lists(facts, max_size=12).map(
        lambda found: [
            Student(arm, number, outcome, value if outcome == "complete" else None, of_student)
            for number, (arm, outcome, value, of_student) in enumerate(found)
        ]
    )


def beats(one: Student, other: Student) -> bool:
    mine, theirs = (-(one.value or 0.0), *one.costs), (-(other.value or 0.0), *other.costs)
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


@given(students(2))
def test_no_student_beats_one_of_the_front_and_each_other_one_is_beaten_or_equal(
    found: list[Student],
) -> None:
    complete = [student for student in found if student.outcome == "complete"]
    front = front_of(found)
    assert not [one for one in front if any(beats(other, one) for other in complete)]
    for student in complete:
        if student not in front:
            same = [f for f in front if (f.value, f.costs) == (student.value, student.costs)]
            assert any(beats(one, student) for one in front) or same[0].number < student.number


@given(students(1), st.randoms())
def test_the_front_does_not_depend_on_the_order_of_the_trials(found: list[Student], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert front_of(shuffled) == front_of(found)


@given(students(0))
def test_without_costs_the_front_is_the_best_trial_of_each_arm(found: list[Student]) -> None:
    best = BestValidation().best_of_arms(found)
    assert fronts_of_arms(found) == {arm: [one] for arm, one in best.items()}


def test_the_highest_score_comes_first() -> None:
    found = [
        Student("a", n, "complete", value, (cost,))
        for n, (value, cost) in enumerate([(1, 1), (3, 9), (2, 4)])
    ]
    assert [student.value for student in front_of(found)] == [3, 2, 1]


def test_a_front_that_grows_trial_by_trial_is_the_front_of_all() -> None:
    found = [Student("a", n, "complete", (7 * n) % 11, ((5 * n) % 13,)) for n in range(30)]
    grown: list[Student] = []
    for student in found:
        grown = front_of([*grown, student])
    assert grown == front_of(found)
