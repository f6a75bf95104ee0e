"""A plan: a search space on one task and one base model. It gives the arms, points and configurations.

The ledger stores the plan. If a study is run again, the new plan is compared with the stored one, so that
nobody continues a study with other data, another model or other ranges.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from study.config import LANGUAGES, TrialConfig, parse_config
from study.errors import RequestError
from study.planning.checks import check_effects, check_teacher
from study.planning.costs import check_costs
from study.planning.depths import in_layers
from study.planning.enqueued import points_of
from study.planning.languages import Languages, OfTask, in_languages
from study.planning.points import all_points, corners
from study.planning.pruners import check_pruner
from study.planning.samplers import check_sampler
from study.planning.seeds import SEEDS, block_of, check_seeds, sampler_seed
from study.selection import BEST_TRIED, INTERPOLATED, SelectOn
from study.space import NOT_SEARCHED, Range, SearchSpace, Value

if TYPE_CHECKING:
    import optuna  # `kdstudy trial` makes a plan without Optuna

__all__ = ["Arm", "ModelFacts", "Plan"]

ORDER = list(TrialConfig.model_fields)
"""The order of suggestions: a hyperparameter is known before the hyperparameters that it can make inert."""


@dataclass(frozen=True)
class ModelFacts:
    """The facts about the base model that planning needs: fingerprint, number of layers, learning rate."""

    fingerprint: str
    layers: int
    learning_rate: float


@dataclass(frozen=True)
class Arm:
    """One combination of scientific values; the name lists the values that have an effect."""

    name: str
    values: tuple[tuple[str, Value], ...]


class Plan(BaseModel):
    """A search space with everything that the task and the base model decide.

    constants: values of `TrialConfig` that the request decides. request: the request's own words (paths and
    names), as `Request.recorded` returns them. metric: what students are compared by, which the task
    decides; a plan without it has accuracy. margin: a difference of the metric of at most this size counts as
    no difference. selection: how the values of the confirm runs are selected (`study/selection.py`).
    seed_block: the block that seeds and scrambles come from (`seeds.py`). tunings: how often each arm is
    tuned; tuning k has the seed block `seed_block + k`, a search budget of its own and confirm runs of its
    own. reports_start: whether confirm runs are scored before their first step too. select_on: over which
    languages the validation accuracy is that trials are selected by (`study/selection.py`). languages: those
    of the task, and what names of lists in the space stand for. A plan without the last six is of a study
    that began before there were any. exact: which of "trials", "confirm_seeds", "margin", "seed_block",
    "tunings" and "select_on" the user gave as options; the ledger does not store them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    space: SearchSpace
    constants: dict[str, Any]
    request: dict[str, Any] = {}
    metric: Literal["accuracy", "f1"] = "accuracy"
    margin: float = Field(0.01, gt=0, lt=1)
    selection: Literal["best tried", "interpolated"] = BEST_TRIED
    seed_block: int = Field(0, ge=0)
    tunings: int = Field(1, ge=1)
    reports_start: bool = False
    select_on: SelectOn = "all"
    languages: Languages = Languages()
    exact: tuple[str, ...] = Field(default=(), exclude=True)

    @classmethod
    def make(
        cls,
        name: str,
        space: SearchSpace,
        task: OfTask | str,
        model: ModelFacts,
        teacher: str,
        request: dict[str, Any],
    ) -> Plan:
        """The plan `name`: depths that are shares become layers, and the model gives default learning rates.

        task: its facts; a fingerprint alone is of a task whose languages the plan does not divide.

        Raises:
            RequestError: if a configuration or an enqueued point of the space would not be valid, there is no
                such sampler or pruner, a seed block has fewer seeds, or each trial would need a teacher.
        """
        check_sampler(space)
        check_pruner(space)
        check_costs(space)
        check_seeds(space)
        task = OfTask(task) if isinstance(task, str) else task
        space, known = in_languages(space, task)
        constants = {
            "task": task.fingerprint,
            "model": model.fingerprint,
            "model_layers": model.layers,
            "teacher": teacher,
            "depth": max(1, model.layers // 2),
            "learning_rate": model.learning_rate,
            "teacher_learning_rate": model.learning_rate,
        }
        plan = cls(
            name=name,
            space=in_layers(space, model.layers),
            constants=constants,
            request=request,
            metric=task.metric,
            selection=BEST_TRIED if space.costs else INTERPOLATED,
            seed_block=block_of(name),
            reports_start=True,
            select_on="seen",
            languages=known,
        )
        if not plan.arms():
            raise RequestError("all combinations of scientific values are excluded: no arm is left")
        for arm in plan.arms():
            plan.drafts(arm)
            check_effects(plan, arm)
            check_teacher(plan, arm)
            points_of(plan, arm)
        return plan

    def on_model(self, fingerprint: str) -> Plan:
        """This plan with the `fingerprint` of a base model that was not built before."""
        return self.model_copy(update={"constants": self.constants | {"model": fingerprint}})

    def drafts(self, arm: Arm) -> list[TrialConfig]:
        """Configurations of `arm` in which every bound and every level of all that is searched occurs.

        Raises:
            RequestError: if one of them is not valid.
        """
        return [self.config(arm, values) for values in corners(self.space)]

    def all_drafts(self) -> list[TrialConfig]:
        """The drafts of all arms, in all tunings."""
        arms = self.arms()
        return [draft for tuning in self.each_tuning() for arm in arms for draft in tuning.drafts(arm)]

    def each_tuning(self) -> list[Plan]:
        """The plan of each tuning: a plan of one tuning, in a seed block of its own."""
        return [
            self.model_copy(update={"seed_block": self.seed_block + k, "tunings": 1})
            for k in range(self.tunings)
        ]

    @property
    def search_seed(self) -> int:
        """The seed of all search trials (of the first tuning)."""
        return self.seed_block * SEEDS

    @property
    def seeds(self) -> list[int]:
        """All seeds of the study: for each tuning the seed of the search, and those of the confirm runs."""
        return [
            each.search_seed + i for each in self.each_tuning() for i in range(self.space.confirm_seeds + 1)
        ]

    @property
    def sampler_seed(self) -> int:
        """The seed of the sampler (of the first tuning)."""
        return sampler_seed(self.space.seed, self.seed_block)

    @property
    def ranges(self) -> dict[str, bool]:
        """Nuisance hyperparameters with a range, and whether the range is logarithmic."""
        return {name: domain.log for name, domain in self.space.nuisance.items() if isinstance(domain, Range)}

    def config(self, arm: Arm, searched: Mapping[str, Value], seed: int | None = None) -> TrialConfig:
        """The configuration of `arm` with these `searched` values.

        seed: by default the seed of the search. The seed is the data seed too, so that trials of all arms
        with one seed see the same data.
        """
        seed = self.search_seed if seed is None else seed
        values = self.constants | self.space.fixed | dict(arm.values) | dict(searched)
        values |= {name: self.languages.content(values[name]) for name in LANGUAGES if name in values}
        return parse_config(values | {"seed": seed, "data_seed": seed})

    def shown(self, config: TrialConfig) -> dict[str, Any]:
        """The values of `config` that have an effect, with the names of lists of languages, as people read
        them and MLflow has them.
        """
        values = config.effective()
        for field in LANGUAGES:
            if field in values:
                values[field] = self._name_of(field, values[field])
        return values

    def shown_recipe(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """The `recipe` of a teacher (`Inputs.teacher_recipe`), with the name of the list of its languages."""
        field = "teacher_languages"
        return dict(recipe) | ({field: self._name_of(field, recipe[field])} if field in recipe else {})

    def _name_of(self, field: str, content: str) -> str:
        """The name in the space of the list `content`, a value of `field`; the list itself without a name."""
        levels = (self.space.scientific | self.space.searched).get(field, ())
        names = levels if isinstance(levels, tuple) else ()
        if field in self.space.fixed:
            names = (self.space.fixed[field],)
        return next((str(name) for name in names if self.languages.content(name) == content), content)

    def unseen_by(self, arm: Arm) -> tuple[str, ...]:
        """The languages of the task that the students of `arm` are not trained on."""
        return self.languages.unseen(self.draft(arm, {}).train_languages)

    def arms(self) -> list[Arm]:
        """All combinations of scientific values that are not excluded.

        Combinations that differ only in inert values are one arm; the arm is excluded if all of them are.
        """
        arms: dict[str, Arm] = {}
        draft = next(corners(self.space))
        for combination in itertools.product(*self.space.scientific.values()):
            values = dict(zip(self.space.scientific, combination, strict=True))
            if not _is_arm(self.space, values):
                continue
            config = self.config(Arm("", tuple(values.items())), draft)
            effective = self.shown(config)
            shown = {name: effective[name] for name in values if name in effective}
            name = " ".join(f"{k}={v}" for k, v in shown.items())
            arms.setdefault(name or "all", Arm(name or "all", tuple(values.items())))
        return list(arms.values())

    def suggest(self, trial: optuna.Trial, arm: Arm, n: int = 0) -> TrialConfig:
        """The configuration of `arm` with Optuna's suggestion for every searched value that has an effect.

        n: the number of the proposal in the arm. If the study varies hyperparameters, proposal n has the seed
        `search_seed + n`, in all arms: the effects of what is varied are over seeds and data samples too.
        """
        chosen: dict[str, Value] = {}
        for name in self.searched():
            if name in self.draft(arm, chosen).inert():
                continue
            domain = self.space.searched[name]
            if isinstance(domain, Range) and domain.whole:
                chosen[name] = trial.suggest_int(name, int(domain.low), int(domain.high), log=domain.log)
            elif isinstance(domain, Range):
                chosen[name] = trial.suggest_float(name, domain.low, domain.high, log=domain.log)
            else:
                chosen[name] = cast(Value, trial.suggest_categorical(name, domain))
        draft = self.draft(arm, chosen)
        return draft.with_seed(self.search_seed + n) if self.space.varied else draft

    def points(self, arm: Arm) -> Iterator[dict[str, Value]] | None:
        """All distinct points of `arm`, in grid order; None if any searched range is of real numbers."""
        return all_points(self, arm)

    def planned(self, arm: Arm) -> int:
        """The number of search trials of `arm` in all tunings.

        In each tuning this is the budget, or all distinct points if there are fewer. A study that varies
        hyperparameters may try a point again, with another seed.
        """
        points = None if self.space.varied else self.points(arm)
        each = self.space.trials
        if points is not None:
            each = sum(1 for _ in itertools.islice(points, self.space.trials))
        return self.tunings * each

    def tuned(self, arm: Arm) -> list[str]:
        """Searched hyperparameters with an effect in some trial of `arm`: the dimensions of its search."""
        drafts = self.drafts(arm)
        return [name for name in self.searched() if any(name not in draft.inert() for draft in drafts)]

    def searched(self) -> list[str]:
        """Nuisance and varied hyperparameters in the order of suggestions."""
        return sorted(self.space.searched, key=ORDER.index)

    def held(self) -> dict[str, Any]:
        """Values that neither the arms nor the search change: caveats of every answer."""
        changed = NOT_SEARCHED | self.space.scientific.keys() | self.space.searched.keys()
        effective = [self.shown(self.draft(arm, {})) for arm in self.arms()]
        return {k: v for values in effective for k, v in values.items() if k not in changed}

    def identity(self) -> dict[str, Any]:
        """What must stay the same under one name. Budgets and the words of the request may differ."""
        space = self.space.model_dump(mode="json")
        for budget in ("trials", "confirm_seeds", "question"):
            del space[budget]
        own = {"seed_block": self.seed_block, "selection": self.selection, "select_on": self.select_on}
        return {"constants": self.constants, "space": space} | own

    def following(self, begun: Plan) -> Plan:
        """This plan, with what the user left open as `begun` has it: selection, seed block, tunings, reports,
        and the languages that the selection is over.

        Tunings may be added, and none is taken away.
        """
        block = self.seed_block if "seed_block" in self.exact else begun.seed_block
        tunings = max(self.tunings, begun.tunings)
        kept: dict[str, Any] = {"selection": begun.selection, "reports_start": begun.reports_start}
        kept |= {} if "select_on" in self.exact else {"select_on": begun.select_on}
        return self.model_copy(update=kept | {"seed_block": block, "tunings": tunings})

    def continuing(self, begun: Plan) -> Plan:
        """This plan as a continuation of `begun`, a plan of the same identity.

        A budget that the user gave is the new budget. Otherwise the larger of both budgets counts: a default
        takes nothing away. Likewise a margin that the user gave is the new margin. The rest of the space is
        that of `begun`, because the names of arms depend on the order of hyperparameters.
        """
        mine, old = self.space, begun.space
        budgets = {
            name: getattr(mine, name) if name in self.exact else max(getattr(old, name), getattr(mine, name))
            for name in ("trials", "confirm_seeds")
        }
        margin = self.margin if "margin" in self.exact else begun.margin
        update = {"space": old.model_copy(update=budgets), "margin": margin, "exact": ()}
        update |= {"languages": begun.languages}
        return self.following(begun).model_copy(update=update)

    def draft(self, arm: Arm, chosen: Mapping[str, Value]) -> TrialConfig:
        """The configuration of `arm` with the `chosen` values, and the first value of all else searched."""
        return self.config(arm, next(corners(self.space)) | dict(chosen))


def _is_arm(space: SearchSpace, values: Mapping[str, Value]) -> bool:
    """Whether the scientific `values` are not excluded, and go together if they are tied."""
    excluded = any(without.items() <= values.items() for without in space.excluded)
    return not excluded and all(any(one.items() <= values.items() for one in group) for group in space.tied)
