"""Attack a server, one load after the other, and measure what others notice meanwhile.

    python -m tests.attack [--only idle_connections] [--json]

The goals: `/healthz` p99 200 ms, `ps` of another user p99 1 s, all reports of attempts taken, and
400 MB of memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.attack import (
    aborted_followers,
    costly_job_files,
    endless_headers,
    hostile_reports,
    idle_connections,
)
from tests.attack.target import Memory, Target, attackable

ATTACKS = {
    "idle_connections": idle_connections.attack,
    "endless_headers": endless_headers.attack,
    "aborted_followers": aborted_followers.attack,
    "costly_job_files": costly_job_files.attack,
    "hostile_reports": hostile_reports.attack,
}

AFTER_S = 10.0
"""For which the others ask on after an attack."""


def attacked(target: Target, name: str) -> dict[str, Any]:
    """Run one attack; returns what came of it, and what others noticed."""
    command = [sys.executable, "-m", "tests.attack.probe", target.server.address]
    command += [target.tokens["bob"], *target.secrets]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as probe,
        Memory(psutil.Process(target.server.process.pid)) as memory,
    ):
        assert probe.stdout is not None
        probe.stdout.readline()
        before_s = _cpu_s(target)
        said = ATTACKS[name](target)
        time.sleep(AFTER_S)
        noticed, _ = probe.communicate()
        cpu_s = _cpu_s(target) - before_s
    figures = {"attack": name, "said": said, "mb": memory.most_mb, "cpu_s": cpu_s}
    return {**figures, **json.loads(noticed)}


def _cpu_s(target: Target) -> float:
    times = psutil.Process(target.server.process.pid).cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Attack, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=tuple(ATTACKS))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(ATTACKS)
    with tempfile.TemporaryDirectory() as folder, attackable(Path(folder)) as target:
        for name in names:
            figures = attacked(target, name)
            print(json.dumps(figures) if arguments.json else _shown(figures), flush=True)  # noqa: T201


def _shown(figures: dict[str, Any]) -> str:
    lines = [
        f"{figures['attack']}: {figures['said']}",
        f"    memory {figures['mb']:.0f} MB, processor {figures['cpu_s']:.1f} s",
    ]
    for kind in ("healthz", "ps", "report"):
        one = figures[kind]
        failed = f", {one['failed']} FAILED: {one['why']}" if one["failed"] else ""
        lines.append(
            f"    {kind:<8} {one['number']:>5} p50 {one['p50_ms']:.0f} ms, p99 {one['p99_ms']:.0f} "
            f"ms, longest {one['most_ms']:.0f} ms{failed}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
