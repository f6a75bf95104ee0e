"""One open study, by its name: where it lies, who drives it, and whether it has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from study.errors import RequestError, StudyStopped
from study.home import Home
from study.ledger import lease, patience
from study.ledger.lease import Holder, check_free
from study.ledger.records import State
from study.ledger.study import OpenStudy
from study.planning.plan import Plan

MakePlan = Callable[..., Plan]


@pytest.fixture
def home(fast_sqlite: None, tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def begun(home: Home, plan: Plan, **urls: str) -> OpenStudy:
    """Begin a study, and put its plan on record."""
    home.begin(plan.name, urls)
    study = OpenStudy.at(home, plan.name)
    study.ledger.open(plan)
    return study


def test_a_study_is_opened_where_it_was_begun(home: Home, make_plan: MakePlan) -> None:
    plan = make_plan()
    first = begun(home, plan)
    again = OpenStudy.at(home, "demo")
    assert again.ledger.require_plan() == plan
    assert again.ledger.study_id == first.ledger.study_id
    assert (again.folder, again.trials) == (home.root / "studies/demo", home.root / "studies/demo/trials")
    assert again.urls == home.urls("demo")


def test_a_study_that_was_not_begun_is_refused_and_nothing_is_written(home: Home) -> None:
    with pytest.raises(RequestError, match=r"^other: no such study in "):
        OpenStudy.at(home, "other")
    assert not home.root.exists()


def test_a_study_is_opened_with_a_new_password_before_the_password_is_stored(
    home: Home, make_plan: MakePlan, tmp_path: Path
) -> None:
    """The old password may be refused by now."""
    url = f"sqlite:///file:{tmp_path}/ledger.db?uri=true&password="
    begun(home, make_plan(), ledger_url=url + "old")
    assert OpenStudy.at(home, "demo", given={"ledger_url": url + "new"}).urls["ledger_url"] == url + "new"
    assert OpenStudy.at(home, "demo").urls["ledger_url"] == url + "old"


@pytest.mark.parametrize("looks", [False, True])
def test_a_damaged_ledger_is_a_lost_one(home: Home, make_plan: MakePlan, looks: bool) -> None:
    study = begun(home, make_plan())
    (study.folder / "optuna.db").write_text("no database")
    (study.trials / "key" / "attempt-1").mkdir(parents=True)
    with pytest.raises(
        RequestError, match=r"^study demo: its ledger is lost: \S+/optuna.db is damaged. It held"
    ):
        OpenStudy.at(home, "demo", looks=looks)


def test_a_server_that_is_away_is_waited_for_only_if_the_study_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    home.begin("demo", {"ledger_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    with pytest.raises(RequestError, match=r"^--ledger-url postgresql"):
        OpenStudy.at(home, "demo")
    with pytest.raises(StudyStopped, match=r"^the ledger's database: "):
        OpenStudy.at(home, "demo", waits=True)


def test_its_record_is_at_home_unless_another_server_has_it(home: Home, make_plan: MakePlan) -> None:
    assert begun(home, make_plan("mine")).keeps_record_at_home
    elsewhere = begun(home, make_plan("elsewhere"), tracking_uri="http://127.0.0.1:9")
    assert not elsewhere.keeps_record_at_home
    assert begun(home, make_plan("said"), tracking_uri=home.tracking_uri).keeps_record_at_home


def test_its_store_is_the_homes_with_the_mirror_of_the_study(home: Home, make_plan: MakePlan) -> None:
    storage = (home.root.parent / "storage").as_uri()
    mirrored = begun(home, make_plan("mirrored"), storage_url=storage)
    alone = begun(home, make_plan("alone"))
    assert mirrored.store.root == alone.store.root == home.store.root
    assert mirrored.store.mirror is not None
    assert mirrored.store.mirror.url == storage
    assert alone.store.mirror is None


def test_its_driver_is_who_holds_the_lease_and_lives(home: Home, make_plan: MakePlan) -> None:
    study = begun(home, make_plan())
    assert study.driver() is None
    with study.lease() as held:
        driver = OpenStudy.at(home, "demo").driver()
        assert driver is not None
        assert driver.holder == held.me.holder
    assert study.driver() is None


def leave(study: OpenStudy) -> Holder:
    """Leave what a killed driver leaves: its row is there, and its process is not."""
    dead = replace(Holder.here(), born="1")
    with study.lease(), study.ledger.storage.engine.begin() as connection:
        connection.execute(update(lease._LEASES).values(study=study.name, **vars(dead)))
    return dead


def test_a_driver_that_was_killed_drives_no_more(home: Home, make_plan: MakePlan) -> None:
    study = begun(home, make_plan())
    dead = leave(study)
    assert check_free(study.ledger.storage.engine, "demo") == dead
    assert study.driver() is None


def test_the_lease_of_a_driver_that_is_known_to_be_dead_is_taken_without_another_look(
    home: Home, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = begun(home, make_plan())
    dead = leave(study)
    monkeypatch.setattr(lease, "is_alive", lambda *asked: pytest.fail("looks again"))
    with study.lease(dead) as held:
        held.check()


def test_studies_of_one_database_have_drivers_of_their_own(home: Home, make_plan: MakePlan) -> None:
    url = f"sqlite:///{home.root.parent / 'shared.db'}"
    one = begun(home, make_plan("one"), ledger_url=url)
    other = begun(home, make_plan("other"), ledger_url=url)
    with one.lease() as held:
        driver = one.driver()
        assert driver is not None
        assert driver.holder == held.me.holder
        assert other.driver() is None


def test_it_is_finished_when_every_planned_trial_has_ended(home: Home, make_plan: MakePlan) -> None:
    study = begun(home, make_plan(trials=1, confirm_seeds=0))
    assert not study.is_finished()
    record = study.ledger.ask_search()
    assert record is not None
    assert not study.is_finished()
    study.ledger.tell(record, State.PRUNED, None)
    assert study.is_finished()
    assert OpenStudy.at(home, "demo").is_finished()
    study.ledger.open(make_plan(trials=2, confirm_seeds=0))
    assert not study.is_finished()


def test_a_study_without_a_plan_is_neither_finished_nor_unfinished(home: Home) -> None:
    home.begin("demo", {})
    with pytest.raises(RequestError, match=r"^demo: was interrupted before its plan was written; run it"):
        OpenStudy.at(home, "demo").is_finished()
