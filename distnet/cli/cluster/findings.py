"""How the findings of `distnet doctor` are shown: by node, the worst first."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import typer

from distnet.cli.output import echo
from distnet.cluster.doctor.finding import CLUSTER, Finding, Level, by_node, worst

COLOURS = {Level.OK: "green", Level.NOTE: "blue", Level.WARNING: "yellow", Level.FAULT: "red"}
LEVEL_WIDTH, ID_WIDTH = 9, 15


def show_findings(findings: Sequence[Finding], *, shows_all: bool) -> None:
    """Print them.

    Args:
        findings: of all nodes.
        shows_all: whether nodes list notes and what is ok, too; the cluster always does.
    """
    for node, found in by_node(findings).items():
        echo(f": {_counted(found)}", mark=typer.style(node, bold=True, fg=COLOURS[worst(found)]))
        for finding in found:
            if shows_all or node == CLUSTER or finding.level > Level.NOTE:
                _show(finding)


def findings_as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as JSON, the worst first."""
    return [
        {
            "id": finding.id,
            "level": str(finding.level),
            "node": finding.node,
            "found": finding.found,
            "expected": finding.expected,
            "remedy": finding.remedy,
        }
        for found in by_node(findings).values()
        for finding in found
    ]


def summary(findings: Sequence[Finding]) -> str:
    """One line on all of them."""
    nodes = {finding.node for finding in findings} - {CLUSTER}
    count = f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}"
    return f"{count}, {_counted(findings)}"


def _show(finding: Finding) -> None:
    level = typer.style(f"  {finding.level!s:<{LEVEL_WIDTH}}", fg=COLOURS[finding.level])
    expected = f"; expected {finding.expected}" if finding.expected else ""
    echo(f"{finding.id:<{ID_WIDTH}}{finding.found}{expected}", mark=level)
    if finding.remedy:
        echo(f"{'':<{LEVEL_WIDTH + 2}}-> {finding.remedy}")


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.level for finding in findings)
    if set(counts) <= {Level.OK}:
        return f"all {len(findings)} checks ok"
    parts = [
        f"{counts[level]} {level}{'s' if counts[level] > 1 and level is not Level.OK else ''}"
        for level in sorted(Level, reverse=True)
        if counts[level]
    ]
    return ", ".join(parts)
