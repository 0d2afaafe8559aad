"""A test run ends with one line for each reason why tests were skipped."""

from types import SimpleNamespace
from typing import Any

from tests.needs import REAL_DATA
from tests.summary import LIMIT_S, names, pytest_terminal_summary


def summary(**stats: list[Any]) -> list[str]:
    lines: list[str] = []
    reporter: Any = SimpleNamespace(stats=stats, write_line=lines.append)
    pytest_terminal_summary(reporter)
    return lines


def skipped(nodeid: str, reason: object) -> SimpleNamespace:
    return SimpleNamespace(nodeid=nodeid, longrepr=("file.py", 1, f"Skipped: {reason}"))


def test_skipped_tests_stand_in_one_line_a_reason() -> None:
    flowers, faces = (
        skipped(f"tests/data/test_real_data.py::test_{each}", REAL_DATA)
        for each in ("flowers", "faces")
    )

    (line, other) = summary(skipped=[flowers, skipped("t.py::test_x", "root only"), faces])

    assert line == f"SKIPPED 2, {REAL_DATA}: test_faces, test_flowers"
    assert other == "SKIPPED 1, root only: test_x"


def test_many_skipped_tests_are_named_by_their_files_or_folders() -> None:
    one_file = [f"tests/page/test_a.py::test_{number}" for number in range(9)]
    many_files = [f"tests/page/test_{number}.py::test_it_{number}" for number in range(9)]

    assert names(one_file) == "tests/page/test_a.py"
    assert names(many_files) == "tests/page"


def test_a_test_that_needs_more_than_a_third_of_its_limit_is_named() -> None:
    slow, quick = (
        SimpleNamespace(
            nodeid=f"t.py::test_{seconds}",
            when="call",
            duration=seconds,
            user_properties=[(LIMIT_S, 600.0)],
        )
        for seconds in (201, 199)
    )

    assert summary(passed=[slow, quick]) == ["SLOW t.py::test_201: 201 s of its limit of 600 s"]
