"""The contract of a search space: every file in `search_spaces/` inherits these tests."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
import pytest
from transformers import RobertaConfig

import search_spaces
from analysis.record.domain import Domain
from analysis.search.tuning import EDGE
from study.planning.languages import OfTask
from study.planning.plan import ModelFacts, Plan
from study.planning.samplers import find_sampler
from study.planning.spaces import registered_spaces
from study.space import Range
from study.trial.losses.distillation import distillation_losses
from study.trial.models.embedded import encoder_config
from study.trial.models.student import check_possible

SHAPES = {"embedded": encoder_config(), "base": RobertaConfig(num_hidden_layers=12, hidden_size=768)}
SPACES = registered_spaces()
LANGUAGES = ("ara", "deu", "eng", "eus", "fra", "hin", "kat", "swh")


@pytest.fixture(params=SPACES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> RobertaConfig:
    return SHAPES[request.param]


@pytest.fixture
def plan(name: str, shape: RobertaConfig) -> Plan:
    """The space on a model of each shape. Making a plan checks every bound and level of it."""
    model = ModelFacts("b" * 64, shape.num_hidden_layers, learning_rate=1e-3)
    return Plan.make(name, SPACES[name], OfTask("a" * 64, LANGUAGES, LANGUAGES), model, "", {})


def test_every_file_is_a_registered_space() -> None:
    files = {path.stem for path in Path(search_spaces.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(SPACES) == files


def test_it_asks_a_question(name: str) -> None:
    question = SPACES[name].question
    assert "?" in question
    assert "\n" not in question


def test_its_arms_differ_in_what_has_an_effect(plan: Plan) -> None:
    for draft in range(len(plan.drafts(plan.arms()[0]))):
        keys = [plan.drafts(arm)[draft].key for arm in plan.arms()]
        assert len(set(keys)) == len(keys) > 0


def test_its_arms_have_equal_budgets(plan: Plan) -> None:
    """And the budget that the space states, whatever is inert in an arm."""
    assert {plan.planned(arm) for arm in plan.arms()} == {plan.space.trials}


def test_every_student_of_it_can_be_built(plan: Plan, shape: RobertaConfig) -> None:
    """Init method, layer map and depth go together; the loss is a registered one."""
    drafts = [draft for arm in plan.arms() for draft in plan.drafts(arm)]
    for init, layer_map, depth in {(d.init, d.layer_map, d.depth) for d in drafts}:
        check_possible(init, layer_map, depth, shape)
    assert {draft.loss for draft in drafts} <= distillation_losses().keys()


def test_it_asks_for_nothing_that_has_no_effect(plan: Plan) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for arm in plan.arms():
        for _ in range(8):
            trial = study.ask()
            config = plan.suggest(trial, arm)
            assert not config.inert() & trial.params.keys()
            assert trial.params.keys() | config.inert() >= plan.space.searched.keys()


def test_it_is_confirmed_on_fresh_seeds_unless_nothing_is_selected(name: str) -> None:
    """A result of the search alone was chosen for being high."""
    space = SPACES[name]
    assert space.confirm_seeds == 0 if space.varied else space.confirm_seeds >= 2


def test_a_range_is_searched_with_as_many_trials_as_the_planted_studies_need(plan: Plan) -> None:
    """Eight for three decades of learning rates; a space with a shorter range may have fewer."""
    rate = plan.space.nuisance.get("learning_rate")
    if isinstance(rate, Range) and len(plan.arms()) > 1:
        decades = math.log10(rate.high / rate.low)
        assert plan.space.trials >= min(8, 8 * decades / 3)
        assert plan.space.confirm_seeds >= 3


def test_the_quickstart_tries_no_rate_at_an_edge_so_that_its_report_can_name_an_answer() -> None:
    model = ModelFacts("b" * 64, 4, learning_rate=1e-3)
    plan = Plan.make("quickstart", SPACES["quickstart"], "a" * 64, model, "", {})
    domain = Domain.parse(str(plan.space.nuisance["learning_rate"]))
    sampler = find_sampler("quasi")
    assert sampler.point is not None
    places = [
        domain.position(sampler.point(plan, plan.arms()[0], n)["learning_rate"])
        for n in range(plan.space.trials)
    ]
    assert EDGE < min(places) < 0.25
    assert 0.75 < max(places) < 1 - EDGE
