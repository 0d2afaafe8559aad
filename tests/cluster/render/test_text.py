"""YAML that every reader of YAML 1.1 and 1.2 understands in the same way."""

import pytest
import yaml

from distnet.cluster.render.text import yaml_text
from distnet.spec.reading.yaml import read_yaml

TEXTS = (
    "12e4",
    "y",
    "N",
    "yes",
    "007",
    "0x1f",
    "1:30",
    "~",
    "null",
    "2026-11-29",
    " a ",
    "a: b",
    "é",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_stays_a_text(text: str) -> None:
    written = yaml_text([{"label": text}], [])

    assert yaml.safe_load(written) == {"label": text}
    assert read_yaml(written).value == {"label": text}
    assert any(mark in written for mark in "'\"")


def test_values_that_are_used_twice_are_written_twice() -> None:
    shared = {"a": [1]}

    assert "&" not in yaml_text([{"x": shared, "y": shared}], [])


def test_texts_of_several_lines_are_blocks_below_comments() -> None:
    written = yaml_text([{"x": "a\nb\n"}, {"y": 1}], ["first", "second"])

    assert written == "# first\n# second\nx: |\n  a\n  b\n---\n'y': 1\n"
