"""What the results of a study state beside its numbers."""

from __future__ import annotations

import dataclasses

from analysis.verdict.results import Results
from tests.analysis.invented import invented_study


def test_a_study_without_findings_may_claim_and_a_partial_study_may_not() -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=9)
    assert Results(study).may_claim
    assert not Results(dataclasses.replace(study, partial=True)).may_claim


def test_curves_that_still_rise_are_what_could_change_the_answer() -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=9)
    rising = study.curves.assign(macro=study.curves["step"] / 1000)
    flat = study.curves.assign(macro=0.5)
    for curves, said in ((rising, 1), (flat, 0)):
        texts = Results(dataclasses.replace(study, curves=curves)).caveats
        assert (
            len([text for text in texts if "validation accuracy rose by more than 1 point" in text]) == said
        )
