"""Languages stand with those that share their script and family; a code that is not known is last."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.record.languages import PLACES, TABLE, ordered, script_of
from tests.analysis.invented import MASSIVE


@pytest.mark.parametrize(
    ("code", "script"),
    [
        ("deu", "Latin"),
        ("de", "Latin"),
        ("de-DE", "Latin"),
        ("deu_Latn", "Latin"),
        ("ru", "Cyrillic"),
        ("zh-TW", "Han"),
        ("zho_Hant", "Han"),
        ("ja-JP", "Japanese"),
        ("yor", "Latin"),
        ("srp", "Cyrillic"),
        ("srp_Latn", "Latin"),
        ("uz-Cyrl-UZ", "Cyrillic"),
        ("english", "other"),
        ("", "other"),
    ],
)
def test_a_code_has_its_script(code: str, script: str) -> None:
    assert script_of(code) == script


def test_every_locale_of_massive_is_known() -> None:
    assert {script_of(locale) for locale in MASSIVE}.isdisjoint({"other"})


def test_two_and_three_letters_stand_together() -> None:
    assert ordered(["ru", "deu", "de", "rus", "xx"]) == ["de", "deu", "ru", "rus", "xx"]


def test_macro_and_worst_are_last() -> None:
    assert ordered(["worst", "zz", "macro", "kat", "eng"]) == ["eng", "kat", "zz", "macro", "worst"]


@given(st.lists(st.sampled_from([*PLACES, "zz", "中文", "macro", "worst", "sr_Latn"])))
def test_scripts_are_blocks_and_nothing_is_lost(codes: list[str]) -> None:
    found = ordered(codes)
    assert sorted(found) == sorted(set(codes))
    scripts = [script_of(code) for code in found if code not in ("macro", "worst")]
    blocks = [script for i, script in enumerate(scripts) if i == 0 or scripts[i - 1] != script]
    assert len(blocks) == len(set(blocks))


def test_no_code_stands_in_the_table_twice() -> None:
    lines = TABLE.strip().replace(",\n ", ", ").splitlines()
    codes = Counter(code for line in lines for code in line.split(maxsplit=2)[2].replace(",", " ").split())
    assert [code for code, count in codes.items() if count > 1] == []
    assert set(codes) == set(PLACES)
    assert all(2 <= len(code) <= 3 for code in codes)
