"""Word error rates against a table of Levenshtein distances, on hostile texts as well."""

import random

import jiwer
import numpy as np
import pytest

from distnet.tasks.sounds._word_errors import Edits, count_edits

WORDS = (
    "a",
    "b",
    "\u00e9",
    "e\u0301",
    "\u65e5\u672c",
    "\U0001f469\u200d\U0001f680",
    "<unk>",
    "\u0646\u0635",
)


def distance(said: list[str], heard: list[str]) -> int:
    """The fewest edits, from the table of all beginnings."""
    table = np.zeros((len(said) + 1, len(heard) + 1), int)
    table[:, 0], table[0] = range(len(said) + 1), range(len(heard) + 1)
    for i, j in np.ndindex(len(said), len(heard)):
        replaced = table[i, j] + (said[i] != heard[j])
        table[i + 1, j + 1] = min(table[i, j + 1] + 1, table[i + 1, j] + 1, replaced)
    return int(table[-1, -1])


def test_edits_are_the_fewest_of_any_words() -> None:
    draw = random.Random(0)

    def texts() -> list[str]:
        return [" ".join(draw.choices(WORDS, k=draw.randint(0, 7))) for _ in range(4)]

    for _ in range(100):
        said, heard = texts(), texts()
        edits = count_edits(said, heard)
        pairs = [(a.split(), b.split()) for a, b in zip(said, heard, strict=True)]
        assert edits.total == sum(distance(a, b) for a, b in pairs)
        assert edits.said == sum(len(a) for a, _ in pairs)
        if all(said):
            assert edits.rate == pytest.approx(jiwer.wer(said, heard))


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("", "", Edits(0, 0, 0, 0)),
        ("", "a b", Edits(0, 0, 2, 0)),
        ("a", "", Edits(0, 1, 0, 1)),
        ("a  b ", "a b", Edits(0, 0, 0, 2)),
        ("\u00e9", "e\u0301", Edits(1, 0, 0, 1)),
    ],
)
def test_nothing_said_or_heard_is_counted_too(said: str, heard: str, expected: Edits) -> None:
    assert count_edits([said], [heard]) == expected
    assert count_edits([said], [heard]).rate == expected.total / max(1, expected.said)
