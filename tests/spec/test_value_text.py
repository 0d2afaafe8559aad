"""Values are written as a job file has them."""

import pytest

from distnet.spec.reading.yaml import read_yaml
from distnet.spec.value_text import value_text


@pytest.mark.parametrize(
    "text",
    ["0.0001", "1e-05", "adam", "[16, 16]", "{kind: sgd, betas: [0.9, true]}", "null", "2/5"],
)
def test_a_value_is_written_as_it_is_read(text: str) -> None:
    assert value_text(read_yaml(text).value) == text
