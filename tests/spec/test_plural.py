"""Counts and their nouns agree in number."""

import pytest

from distnet.spec.plural import counted, listed


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 workers"),
        (1, "1 worker"),
        (1.0, "1 worker"),
        (2, "2 workers"),
        (0.5, "0.5 workers"),
        (0.00319829, "0.003198 workers"),
        (1_234_567, "1,234,567 workers"),
        (float("inf"), "inf workers"),
    ],
)
def test_count_and_noun_agree(count: float, expected: str):
    assert counted(count, "worker") == expected


@pytest.mark.parametrize(
    ("names", "expected"), [([], ""), (["a", "b"], "a, b"), (["a", "b", 3, 4], "a, b and 2 more")]
)
def test_the_first_names_are_listed(names: list[object], expected: str):
    assert listed(names, 2) == expected
