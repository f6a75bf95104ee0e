"""`kdstudy plan`: what `run` would do: arms, trials, cost, memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from study.cli.budget import Budget
from study.cli.console import listing, note, out, print_json, print_table, say
from study.cli.options import JsonOption, OnWhat, SpaceArgument, Where
from study.cli.requested import resolved
from study.cli.roles import model_lines, role_tables, sight_rows
from study.selection import INTERPOLATED, SEEN

if TYPE_CHECKING:
    from study.cli.cost import Cost, Time
    from study.planning.plan import Plan

__all__ = ["cost_lines", "memory_line", "plan", "seed_lines"]


def plan(space: SpaceArgument, budget: Budget, on: OnWhat, where: Where, as_json: JsonOption = False) -> None:
    """What `run` would do: arms, trials, cost. Starts nothing and writes nothing.

    Examples:

    kdstudy plan quickstart
    kdstudy plan depth --task massive --model FacebookAI/xlm-roberta-base --json
    """
    from study.cli.begun import find_begun
    from study.cli.cost import cost_of, memory_of, outputs_of, time_of
    from study.cli.counts import counts_as_json, print_counts
    from study.cli.gpu_hours import flops_of, gpu_line
    from study.cli.power import detects_of, power_lines
    from study.home import Home

    wanted = resolved(space, budget, on, where)
    home = Home.at(where.home)
    begun = find_begun(wanted, home)
    the_plan = wanted.plan if begun is None else begun.plan
    cost, time = cost_of(wanted, begun), time_of(wanted, home)
    arms: list[dict[str, Any]] = [
        {
            "arm": arm.name,
            "search": (begun or the_plan).planned(arm),
            "tuned": the_plan.tuned(arm),
            "unseen": the_plan.unseen_by(arm),
        }
        for arm in the_plan.arms()
    ]
    trials = min(arm["search"] for arm in arms) // the_plan.tunings
    memory, detects = memory_of(wanted), detects_of(the_plan, home, trials)
    outputs, flops = outputs_of(wanted), flops_of(wanted, begun)
    notes = [*wanted.notes, *([begun.note] if begun is not None and begun.note else [])]
    if as_json:
        return print_json(
            {
                "name": the_plan.name,
                **asdict(cost),
                "time": time and asdict(time),
                "flops": flops,
                "memory": memory,
                "outputs": outputs,
                "detects": detects and asdict(detects),
                "arms": arms,
                "sampler": the_plan.space.sampler,
                "costs": the_plan.space.costs,
                "margin": the_plan.margin,
                "selection": the_plan.selection,
                "select_on": the_plan.select_on,
                "seed_block": the_plan.seed_block,
                "tunings": the_plan.tunings,
                "enqueued": the_plan.space.enqueued,
                "nuisance": the_plan.space.model_dump(mode="json")["nuisance"],
                "varied": the_plan.space.model_dump(mode="json")["varied"],
                "fixed": the_plan.held(),
                "task": wanted.task.fingerprint,
                **counts_as_json(wanted),
                "notes": notes,
            }
        )
    _print_plan(the_plan, arms, cost, time, memory)
    if flops is not None:
        say(gpu_line(flops))
    say(outputs_line(outputs, wanted.task.kind))
    for line in power_lines(detects):
        say(line)
    print_counts(wanted, out)
    for text in notes:
        note(f"note: {text}")
    return None


def _print_plan(
    plan: Plan, arms: Sequence[Mapping[str, Any]], cost: Cost, time: Time | None, memory: Mapping[str, Any]
) -> None:
    """Each of `arms` with its budget and what is tuned in it; then cost, memory, and a caveat."""
    out.print(plan.space.question, style="bold", highlight=False)
    confirm = plan.tunings * plan.space.confirm_seeds
    rows = [[arm["arm"], arm["search"], confirm, arm["search"] + confirm] for arm in arms]
    rows.append(["all", cost.search, cost.confirm, cost.trials])
    print_table(listing(["arm", "search", "confirm", "trials"], rows))
    for title, column, rows in role_tables(plan):
        if rows:
            print_table(listing([title, column], rows))
    if sight := sight_rows(plan):
        print_table(listing(["languages of", "trained on", "unseen"], sight))
    for line in cost_lines(cost, time, memory["at_once"] if memory["where"] else None):
        say(line)
    if len({len(arm["tuned"]) for arm in arms}) > 1:
        few, many = (pick(arms, key=lambda arm: len(arm["tuned"])) for pick in (min, max))
        say(
            f"a caveat: on the same budget {few['arm']} tunes {', '.join(few['tuned']) or 'nothing'}, "
            f"{many['arm']} {', '.join(many['tuned'])}"
        )
    for line in model_lines(plan):
        say(line)
    margin = 100 * plan.margin
    say(f"a difference of at most {margin:g} point{'s' * (margin != 1)} counts as no difference (--margin)")
    if points := len(plan.space.enqueued):
        say(f"{points} point{'s are' if points > 1 else ' is'} tried first (--enqueue)")
    if plan.space.costs:
        objectives = ", ".join([f"high {plan.metric}", *(f"low {name}" for name in plan.space.costs)])
        say(f"objectives: {objectives}; the report has the students that no other student beats")
    for line in seed_lines(plan):
        say(line)
    say(memory_line(memory))


def seed_lines(plan: Plan) -> Iterator[str]:
    """Where the seeds and the search points of a plan come from, and what the confirm runs are made at."""
    first, *confirm = plan.each_tuning()[0].seeds
    if plan.space.varied:
        last = first + plan.space.trials - 1
        seeds = f"trials at seeds {first} to {last}"
        yield f"seed block {plan.seed_block}: {seeds}; --seed-block chooses another draw"
        return
    seeds = f"search at seed {first}" + (f", confirm at {_listed(confirm)}" if confirm else "")
    yield f"seed block {plan.seed_block}: {seeds}; --seed-block chooses another draw"
    if plan.tunings > 1:
        last = plan.seed_block + plan.tunings - 1
        yield f"{plan.tunings} tunings of each arm, in the seed blocks {plan.seed_block} to {last}"
    where = "the best tried point"
    if plan.selection == INTERPOLATED and plan.ranges:
        where = (
            "the interpolated optimum of the search, or the best tried point if there is none between points"
        )
    if plan.space.costs:
        where = "each student of an arm's Pareto front; the table counts one student an arm"
    yield f"confirm runs at {where}"
    if any(plan.unseen_by(arm) for arm in plan.arms()):
        of = "the languages that a student is trained on" if plan.select_on == SEEN else "all languages"
        yield f"selection by macro validation accuracy over {of}"


def _listed(seeds: Sequence[int]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def cost_lines(cost: Cost, time: Time | None, at_once: int | None) -> Iterator[str]:
    """The cost of a plan in trials and steps; and in hours, once trials have ended."""
    yield f"{cost.trials} trials, {cost.steps} trial-steps in all"
    if cost.teachers:
        plural = "s" if cost.teachers > 1 else ""
        yield f"{cost.teachers} teacher{plural}, {cost.teacher_steps} steps"
    if time is not None:
        together = f", {at_once} at once: {time.left / at_once:.1f} hours" if at_once and at_once > 1 else ""
        yield (
            f"time: {time.hours:.1f} hours of trials, {time.left:.1f} of them left{together} "
            f"(judged from {time.measured})"
        )


def outputs_line(outputs: Mapping[str, int], kind: str) -> str:
    """The size of a teacher's outputs, in one line."""
    what = "words" if kind == "token" else "texts"
    return (
        f"outputs of a teacher: {outputs['bytes'] / 2**20:.1f} MiB on disk ({outputs['items']} {what} x "
        f"{outputs['labels']} labels x 4 bytes), mapped by all trials of a machine"
    )


def memory_line(memory: Mapping[str, Any]) -> str:
    """The memory of a plan's largest trial, in one line."""
    cpu, gpu = (f"{memory[device] / 2**30:.1f} GiB" for device in ("cpu", "gpu"))
    if memory["where"] is None:
        return (
            f"memory of a trial: up to {cpu} on a CPU, about {gpu} of a GPU; the cluster decides how many fit"
        )
    takes = f"up to {cpu}" if memory["where"] == "cpu" else f"about {gpu} of a GPU"
    there = "" if memory["of"] is None else f" ({memory['of'] / 2**30:.1f} GiB)"
    return f"memory of a trial: {takes}; {memory['at_once']} at once on this machine{there}"
