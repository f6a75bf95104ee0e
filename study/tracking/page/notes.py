"""Descriptions of experiment and runs in Markdown, as MLflow's UI shows them at the top of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from study.errors import masked
from study.ledger.records import Record
from study.planning.plan import Plan
from study.tracking.page.links import view_link
from study.tracking.page.view import View
from study.tracking.rows import ended
from study.trial.scores import name_of

__all__ = [
    *("NOTE", "OURS", "arm_note", "experiment_note", "may_describe", "note_tags", "study_note"),
    *("teacher_note", "trial_note"),
]

NOTE = "mlflow.note.content"
"""MLflow's tag for a description."""
OURS = "kdstudy.note"
"""The hash of the description that was written here. If the description has another hash, a user wrote it."""


def note_tags(text: str) -> dict[str, str]:
    """The tags of a description."""
    return {NOTE: text, OURS: _hash(text)}


def may_describe(tags: Mapping[str, str]) -> bool:
    """Whether what has these `tags` has no description, or one that was written here."""
    return NOTE not in tags or _hash(tags[NOTE]) == tags.get(OURS)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def experiment_note(plan: Plan, experiment: str, views: Sequence[View]) -> str:
    """The question of the study, what it is about, and links to its views."""
    links = [f"- [{view.name}]({view_link('', experiment, view.id)})" for view in views]
    return "\n".join([_question(plan), "", *_about(plan), "", *links])


def study_note(plan: Plan, counts: Mapping[str, Any]) -> str:
    """The question of the study, what it is about, its budget, and how far it is."""
    state = "finished" if ended(counts) == counts["planned"] else "not finished"
    return "\n".join([_question(plan), "", *_about(plan), "", f"{state}: {_progress(counts)}."])


def arm_note(name: str, counts: Mapping[str, Any], best: str) -> str:
    """How far the arm is, and a link to its best trial; best: "" if there is none yet."""
    lines = [f"Arm **{name}**: {_progress(counts)}."]
    return "\n".join([*lines, "", best] if best else lines)


def trial_note(record: Record, arm_link: str) -> str:
    """What the trial is for, and a link to its arm."""
    of_arm = f"of [{record.arm}]({arm_link}), at seed {record.config.seed}"
    if record.phase == "search":
        return f"Search trial {of_arm}: scored on validation."
    chosen = "" if record.choice is None else f" ({record.choice.rule})"
    return f"Confirm run {of_arm}: the selected values{chosen}, scored on test."


def teacher_note(plan: Plan, recipe: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """What the teacher is, how it was trained and on which data, and its score on validation."""
    macro = f"validation macro {name_of(plan.metric)} {scores[plan.metric]['macro']:.3f}"
    task = f"{_named(plan.request, 'task')}: {macro}"
    if "given" in recipe:
        return f"Teacher **{masked(str(plan.request.get('teacher') or 'given'))}**, as given, on {task}."
    data = recipe.get("data")
    share = f"{data['fraction']:g} of the" if isinstance(data, Mapping) else "all"
    seed = f" (data seed {data['data_seed']})" if isinstance(data, Mapping) else ""
    lines = {
        "base model": _named(plan.request, "model"),
        "training data": f"{share} training texts{seed}",
        **{n: value for n, value in plan.shown_recipe(recipe).items() if n.startswith("teacher_")},
    }
    return "\n".join([f"Teacher of the study, on {task}.", "", *(f"- {k}: {v}" for k, v in lines.items())])


def _question(plan: Plan) -> str:
    return f"**{plan.space.question}**"


def _about(plan: Plan) -> list[str]:
    request, space = plan.request, plan.space
    languages = request.get("languages")
    teacher = request.get("teacher") or "trained for the study"
    arms, seeds = len(plan.arms()), space.confirm_seeds
    search = sum(plan.planned(arm) for arm in plan.arms())
    lines = {
        "task": _named(request, "task") + (f", languages {', '.join(languages)}" if languages else ""),
        "base model": _named(request, "model"),
        "teacher": masked(str(teacher)),
        "budget": f"{arms} arm{'s' * (arms != 1)}, {search} search trials, "
        f"{seeds * plan.tunings} confirm seeds an arm",
        "space": _named(request, "space"),
        "go on with": f"`kdstudy resume {plan.name}`",
    }
    return [f"- {what}: {value}" for what, value in lines.items()]


def _named(request: Mapping[str, Any], field: str) -> str:
    return masked(str(request.get(field) or "-"))


def _progress(counts: Mapping[str, Any]) -> str:
    running = f", {counts['running']} running" if counts["running"] else ""
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    return f"{ended(counts)} of {counts['planned']} trials have ended{running}{failed}"
