"""A trial's life in the driver, with a real ledger and a real MLflow store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from study.driver.lifecycle import WORKER_DEATHS
from study.storage.attempts import attempt_folder, write_ending
from study.tracking.journal import Journal
from tests.driver.driving import Driver, MakeReport, steps, trial_runs

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_a_search_and_its_confirm_runs(new_driver: Callable[..., Driver]) -> None:
    """A whole study: two arms, three trials each, two fresh seeds of each arm's best."""
    driver = new_driver(scientific={"init": ("random", "teacher")}, trials=3)
    search = driver.phase()
    while driver.play(search) is not None:
        pass
    confirm = driver.phase("confirm")
    while driver.play(confirm) is not None:
        pass
    records = driver.ledger.records()
    assert [r.phase for r in records] == ["search"] * 6 + ["confirm"] * 4
    assert {r.outcome for r in records} == {"complete"}
    runs = trial_runs(driver)
    assert runs.keys() == {r.key for r in records}
    for record in records:
        run = runs[record.key]
        assert (run.info.status, run.data.tags["kdstudy.phase"]) == ("FINISHED", record.phase)
        assert run.data.metrics["validation/accuracy/macro"] == pytest.approx(record.value)
        assert ("test/accuracy/macro" in run.data.metrics) is (record.phase == "confirm")
        attributes = driver.ledger.storage.get_trial(record.trial_id).user_attrs  # for Optuna's dashboard
        assert (attributes["key"], attributes["outcome"]) == (record.key, "complete")
        assert attributes["mlflow_run_id"] == run.info.run_id


def test_what_a_former_process_left_running_comes_first(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(scientific={"init": ("random", "teacher")}, trials=2)
    cycle = driver.phase()
    left = [cycle.next(), cycle.next()]
    again = new_driver(scientific={"init": ("random", "teacher")}, trials=2)
    cycle = again.phase()
    assert cycle.has_next()
    assert [cycle.next(), cycle.next()] == left
    assert [cycle.attempts[r.key] for r in left if r] == [2, 2]
    assert len(trial_runs(again)) == 2
    new = [cycle.next(), cycle.next()]
    assert cycle.next() is None
    assert not cycle.has_next()
    assert len({r.key for r in [*left, *new] if r}) == 4


def test_a_trial_whose_worker_died_starts_again_until_workers_have_died_too_often(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver(trials=2)
    cycle = driver.phase()
    lost, other = cycle.next(), cycle.next()
    assert lost is not None
    assert not cycle.has_next()
    for _ in range(WORKER_DEATHS):
        cycle.report(lost.key, cycle.attempts[lost.key], make_report(1, 0.4))
        assert cycle.lost(lost.key, "its worker died 4 times")
        assert lost.key not in cycle.reports
        assert cycle.next() == lost
    assert cycle.attempts[lost.key] == WORKER_DEATHS + 1
    assert not cycle.lost(lost.key, "its worker died 4 times")
    assert not cycle.has_next()
    assert [r.outcome for r in driver.ledger.records()] == ["failed", None]
    assert driver.ledger.records()[0].why == "its worker died 4 times"
    assert other is not None
    assert steps(driver, trial_runs(driver)[lost.key], "validation/accuracy/macro") == [3]


def test_a_trial_that_makes_reports_between_deaths_starts_again_after_any_number_of_deaths(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """Long trials outlive many nodes."""
    driver = new_driver(trials=1)
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    for number in range(1, 2 * WORKER_DEATHS):
        assert cycle.lost(record.key, "its node died")
        assert cycle.next() == record
        cycle.report(record.key, cycle.attempts[record.key], make_report(number, 0.4))
    assert driver.ledger.records() == [record]


def test_deaths_while_the_study_stops_are_no_fault_of_the_trial(new_driver: Callable[..., Driver]) -> None:
    """A signal to all processes of a job ends the workers too, at every stop of a long study."""
    for _ in range(2 * WORKER_DEATHS):
        driver = new_driver(trials=1)
        cycle = driver.phase()
        record = cycle.next()
        assert record is not None
        cycle.stop()
        assert cycle.lost(record.key, "lost its worker")
    assert driver.ledger.records() == [record]


def test_a_phase_leaves_the_other_phases_trials_alone(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(trials=1, confirm_seeds=1)
    driver.play(driver.phase())
    left = driver.phase("confirm").next()
    again = new_driver(trials=1, confirm_seeds=1)
    assert again.phase().next() is None
    assert again.phase("confirm").next() == left


def test_has_next_may_be_called_twice(new_driver: Callable[..., Driver]) -> None:
    cycle = new_driver(trials=1).phase()
    assert cycle.has_next()
    assert cycle.has_next()
    assert cycle.next() is not None
    assert not cycle.has_next()


def test_the_last_report_of_every_running_trial_is_at_hand(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    cycle = new_driver().phase()
    record = cycle.next()
    assert record is not None
    assert cycle.reports == {}
    cycle.report(record.key, 1, make_report(1, 0.4))
    cycle.report(record.key, 1, make_report(2, 0.5))
    assert {key: report.report for key, report in cycle.reports.items()} == {record.key: 2}
    cycle.end(record.key, "ValueError: no")
    assert cycle.reports == {}


def test_the_pruner_cannot_stop_a_trial_that_is_over(new_driver: Callable[..., Driver]) -> None:
    """The last report carries a result: the trial is complete, even if its value is low."""
    driver = new_driver(trials=3, pruner="halving", reports=3)
    cycle = driver.phase()
    driver.play(cycle)
    record = cycle.next()
    assert record is not None
    *_, last = driver.reports(record)
    assert not cycle.report(record.key, 1, replace(last, report=1))
    cycle.end(record.key)
    assert driver.ledger.records()[-1].outcome == "complete"


def test_a_diverged_trial_is_over_without_a_value(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver()
    record = driver.play(driver.phase(), "diverged")
    assert record is not None
    (ended,) = driver.ledger.records()
    assert (ended.outcome, ended.value) == ("diverged", None)
    run = trial_runs(driver)[record.key]
    assert (run.info.status, run.data.tags["kdstudy.outcome"]) == ("FINISHED", "diverged")
    assert steps(driver, run, "validation/accuracy/macro") == [3]
    assert driver.folder(record) == ["progress.jsonl", "result.json"]


def test_a_failed_trial_has_a_reason_on_record_and_keeps_its_checkpoints(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver()
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    cycle.report(record.key, 1, next(driver.reports(record)))
    cycle.end(record.key, "Traceback ...\n  in a line\nValueError: no")
    (failed,) = driver.ledger.records()
    assert (failed.outcome, failed.why, failed.value) == ("failed", "ValueError: no", None)
    assert driver.folder(record) == ["checkpoint-00000003.pt", "progress.jsonl", "traceback.txt"]
    run = trial_runs(driver)[record.key]
    path = driver.tracker.runs.client.download_artifacts(run.info.run_id, "traceback.txt")
    assert Path(path).read_text("utf-8").endswith("ValueError: no")


def test_weights_stay_for_each_arms_best_and_for_confirm_runs(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(scientific={"init": ("random", "teacher")}, trials=3, confirm_seeds=1)
    search = driver.phase()
    while driver.play(search) is not None:
        pass
    confirm = driver.phase("confirm")
    while driver.play(confirm) is not None:
        pass
    kept = [r.number for r in driver.ledger.records() if "student" in driver.folder(r)]
    assert kept == [0, 0, 0, 1]  # two arms' first trials, and both confirm runs
    assert not [r for r in driver.ledger.records() if any("checkpoint" in f for f in driver.folder(r))]


def test_if_a_trial_is_better_the_best_before_loses_its_weights(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver(trials=2)
    cycle = driver.phase()
    weaker = driver.play(cycle)
    better = cycle.next()
    assert weaker is not None
    assert better is not None
    assert "student" in driver.folder(weaker)
    folder = attempt_folder(driver.trials / better.key, 1)
    (folder / "student").mkdir(parents=True)
    write_ending(folder, [], {})
    cycle.report(better.key, 1, make_report(1, 0.95, "complete"))
    cycle.end(better.key)
    assert ("student" in driver.folder(weaker), "student" in driver.folder(better)) == (False, True)


def test_what_a_kill_left_lying_is_tidied_at_the_next_start(new_driver: Callable[..., Driver]) -> None:
    """The kill came between the end of a trial and the deletion of its checkpoints."""
    driver = new_driver(trials=3)
    cycle = driver.phase()
    best, weak = driver.play(cycle), driver.play(cycle)
    runs_on = cycle.next()
    assert best is not None
    assert weak is not None
    assert runs_on is not None
    for record in (best, weak, runs_on):
        for attempt in (1, 2):
            folder = attempt_folder(driver.trials / record.key, attempt)
            (folder / "student").mkdir(parents=True, exist_ok=True)
            (folder / "checkpoint-00000009.pt").touch()
    driver = new_driver(trials=3)
    driver.phase()
    driver.sync()
    assert driver.folder(best) == ["progress.jsonl", "result.json", "student"]
    assert driver.folder(weak) == ["progress.jsonl", "result.json"]
    assert driver.folder(runs_on) == ["checkpoint-00000009.pt"] * 2 + ["student"] * 2


# Attempts


def test_a_report_of_a_former_attempt_is_dropped(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """Its node was lost for the driver, but still runs. The former attempt must stop, and the new one not."""
    driver = new_driver()
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    assert not cycle.report(record.key, 1, make_report(1, 0.4))
    assert cycle.lost(record.key, "lost")
    assert cycle.report(record.key, 1, make_report(2, 0.1))  # nobody has taken its place yet
    assert cycle.next() == record
    assert cycle.report(record.key, 1, make_report(2, 0.1))
    assert [report.report for report in Journal(driver.trials / record.key).reports] == [1]
    assert not cycle.report(record.key, 2, make_report(1, 0.4))
    assert not cycle.report(record.key, 2, make_report(2, 0.6, "complete"))
    cycle.end(record.key)
    assert cycle.report(record.key, 1, make_report(3, 0.1))
    assert driver.ledger.records()[0].value == pytest.approx(0.65)
    assert steps(driver, trial_runs(driver)[record.key], "validation/accuracy/macro") == [3, 6]


def test_attempts_and_deaths_are_counted_across_processes(new_driver: Callable[..., Driver]) -> None:
    """A trial that kills its workers again and again is not started for ever by ever new drivers."""
    attempts = []
    for deaths in range(WORKER_DEATHS + 1):
        driver = new_driver()
        cycle = driver.phase()
        record = cycle.next()
        assert record is not None
        attempts.append(cycle.attempts[record.key])
        assert cycle.lost(record.key, "lost its worker") is (deaths < WORKER_DEATHS)
    assert attempts == [1, 2, 3, 4]
    assert driver.ledger.records()[0].outcome == "failed"


def test_a_failed_trial_that_is_tried_again_keeps_its_folder_and_its_run(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """The new attempt has a number of its own: an older attempt may still run somewhere."""
    driver = new_driver(trials=2)
    cycle = driver.phase()
    failed = cycle.next()
    assert failed is not None
    cycle.report(failed.key, 1, make_report(1, 0.4))
    cycle.end(failed.key, "ValueError: no")
    (run,) = trial_runs(driver).values()
    driver.play(cycle)

    driver = new_driver(trials=2)
    (again,) = driver.ledger.retry_failed()
    cycle = driver.phase()
    assert cycle.next() == again
    assert (again.key, again.config) == (failed.key, failed.config)
    attempt = cycle.attempts[again.key]
    for number, outcome in ((1, None), (2, "complete")):
        cycle.report(again.key, attempt, make_report(number, 0.4, outcome))
    cycle.end(again.key)
    assert cycle.next() is None
    assert Counter(r.outcome for r in driver.ledger.records()) == {"complete": 2}
    runs = trial_runs(driver)
    assert len(runs) == 2
    ended = runs[failed.key]
    assert (ended.info.run_id, ended.info.status) == (run.info.run_id, "FINISHED")
    assert ended.data.tags["kdstudy.outcome"] == "complete"
    assert steps(driver, ended, "validation/accuracy/macro") == [3, 6]
    assert attempt == 2
