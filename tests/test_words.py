"""Words that distnet does not use: each thing has one name, and that is the field's own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTEAD = {
    "acting": "what it does",
    "asked": "requested",
    "book": "mirror, view",
    "books": "mirrors, views",
    "chronicle": "history",
    "desk": "what it does",
    "endings": "ends, outcomes",
    "errand": "command, action",
    "errands": "commands, actions",
    "gatekeeper": "authenticator",
    "narrate": "log, report",
    "people": "users",
    "places": "indices, positions, slots, nodes",
    "portrait": "report, summary",
    "prey": "victim",
    "purse": "budget",
    "rider": "flag",
    "riders": "flags",
    "rooms": "packages, capacity",
    "sight": "observation, snapshot",
    "sights": "observations, snapshots",
    "steer": "control",
    "steering": "control",
    "steers": "controls",
    "tally": "digest, sums",
    "tallies": "digests, sums",
    "tell": "say, report",
    "telling": "saying, reporting",
    "tells": "says, reports",
    "told": "reported, logged",
}
"""Banned words, and what to say instead."""
ALLOWED = {
    "distnet/run_folder/control.py": frozenset({"asked"}),  # a value of its JSON
    "tests/tasks/targets/test_regress.py": frozenset({"rooms"}),  # of houses
}
"""Banned words that a file may use."""
SUFFIXES = {".py", ".md", ".js", ".html", ".css", ".yaml"}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""One word of an identifier or a text: identifiers are split at `_` and at capitals."""


def files() -> list[Path]:
    folders = (ROOT / "distnet", ROOT / "tests", ROOT / "jobs", ROOT / "cluster")
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in (*found, ROOT / "README.md") if path.suffix in SUFFIXES)


def banned(path: Path) -> Iterator[str]:
    """The banned words of a file, each with its line and what to say."""
    name = path.relative_to(ROOT).as_posix()
    allowed = ALLOWED.get(name, frozenset())
    lines = enumerate([name, *path.read_text(errors="replace").splitlines()])
    for number, line in lines:
        for word in {found.lower() for found in WORD.findall(line)}:
            if word in INSTEAD and word not in allowed:
                yield f"{name}:{number}: found {word}, expected {INSTEAD[word]}"


def test_no_file_uses_a_banned_word() -> None:
    own = Path(__file__)

    assert [found for path in files() if path != own for found in banned(path)] == []


@pytest.mark.parametrize("text", ["num_errands = 1", "class ErrandList:", "# an Errand"])
def test_identifiers_and_texts_are_split_into_words(text: str) -> None:
    assert any(word.lower() in INSTEAD for word in WORD.findall(text))


def test_a_part_of_another_word_is_not_banned() -> None:
    assert not any(word.lower() in INSTEAD for word in WORD.findall("desktop, pursed, preying"))
