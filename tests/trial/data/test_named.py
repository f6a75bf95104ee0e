"""The data sets that have a short name: each name is one data set, and each entry is complete."""

from __future__ import annotations

import re

from study.trial.data.named import NAMED


def test_a_name_can_be_typed_and_is_no_path() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in NAMED)


def test_every_name_is_another_data_set() -> None:
    repositories = [one.source.repository for one in NAMED.values()]
    assert len(set(repositories)) == len(repositories)
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", repository) for repository in repositories)


def test_every_description_is_one_line_with_its_source() -> None:
    for one in NAMED.values():
        assert re.fullmatch(r"[^\n]+: [^\n]+ \(\D+ \d{4}\)", one.description)
        assert one.languages > 1
        assert one.labels > 1


def test_sentiment_codes_become_words() -> None:
    names = {key: dict(one.source.names) for key, one in NAMED.items() if one.source.names}
    words = {"0": "negative", "1": "neutral", "2": "positive"}
    assert names == {"tsm": words, "nusax": words}
