"""The last lines of a test run: what was skipped and why, and which tests came near their limit."""

from collections import defaultdict
from pathlib import Path

import pytest

MOST_NAMES = 5
LIMIT_S = "limit_s"
LONGEST_PART = 1 / 3
"""Of its time limit: a test that needs more may fail on a slower machine."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write one line for each reason why tests were skipped, and for each test that is too slow."""
    tests: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        tests[str(reason).removeprefix("Skipped: ")].append(report.nodeid)
    for reason, ids in sorted(tests.items()):
        terminalreporter.write_line(f"SKIPPED {len(ids)}, {reason}: {names(ids)}")
    for report in terminalreporter.stats.get("passed", []):
        limit_s = dict(report.user_properties).get(LIMIT_S, float("inf"))
        if report.when == "call" and report.duration > LONGEST_PART * limit_s:
            terminalreporter.write_line(
                f"SLOW {report.nodeid}: {report.duration:.0f} s of its limit of {limit_s:.0f} s"
            )


def note_limit(item: pytest.Item) -> None:
    """Keep the time limit of a test for its report."""
    marker = item.get_closest_marker("timeout")
    limit = marker.args[0] if marker and marker.args else item.config.getini("timeout")
    item.user_properties.append((LIMIT_S, float(limit)))


def names(ids: list[str]) -> str:
    """The tests if they are few, otherwise their files, or the folders of these."""
    tests = sorted({each.rpartition("::")[2] for each in ids})
    files = sorted({each.partition("::")[0] for each in ids})
    folders = sorted({str(Path(file).parent) for file in files})
    shown = next((found for found in (tests, files) if len(found) <= MOST_NAMES), folders)
    return ", ".join(shown)
