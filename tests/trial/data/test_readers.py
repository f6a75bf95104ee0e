"""Each reader alone: values as they are, and every row with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from study.errors import RequestError
from study.trial.data.readers import READERS


def read(tmp_path: Path, ending: str, content: bytes) -> tuple[list[object], ...]:
    """Texts, labels, languages and line numbers of a file with this `content`."""
    path = tmp_path / f"train{ending}"
    path.write_bytes(content)
    rows = READERS[ending](path)
    return rows.texts, rows.labels, rows.languages, list(rows.numbers)


def test_json_values_keep_their_types_and_lines_their_numbers(tmp_path: Path) -> None:
    content = b'\n{"text": 1, "label": null, "lang": "de"}\n  \n{"text": "b", "label": 7, "lang": ["x"]}'
    assert read(tmp_path, ".jsonl", content) == ([1, "b"], [None, 7], ["de", ["x"]], [2, 4])
    assert read(tmp_path, ".jsonl.gz", gzip.compress(content)) == read(tmp_path, ".jsonl", content)


def test_a_line_ends_at_a_line_feed_alone(tmp_path: Path) -> None:
    content = '{"text": "a\u2028b\u0085c", "label": "x", "lang": "de"}\n'.encode()
    assert read(tmp_path, ".jsonl", content)[0] == ["a\u2028b\u0085c"]


def test_csv_values_are_the_strings_that_stand_there(tmp_path: Path) -> None:
    content = b'lang,label,text,more\r\nNA,007,"a\nb",1\r\n\r\nsw,1.0, c ,2\r\n'
    assert read(tmp_path, ".csv", content) == (["a\nb", " c "], ["007", "1.0"], ["NA", "sw"], [2, 5])


def test_a_reader_leaves_the_limit_of_other_csv_files_as_it_was(tmp_path: Path) -> None:
    import csv

    before = csv.field_size_limit()
    read(tmp_path, ".csv", b"text,label,lang\n" + b"x" * 200_000 + b",a,de\n")
    with pytest.raises(RequestError):
        read(tmp_path, ".csv", b"text,label\n")
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("ending", READERS)
def test_an_empty_file_has_no_rows_or_is_refused_in_one_line(tmp_path: Path, ending: str) -> None:
    if ending.startswith(".jsonl"):
        assert read(tmp_path, ending, b"") == ([], [], [], [])
        return
    with pytest.raises(RequestError, match=f"train{ending}: .+") as refused:
        read(tmp_path, ending, b"")
    assert len(str(refused.value).splitlines()) == 1
