"""How soon the first step is done, against the time that `import torch` takes.

    python -m tests.bench.first_step [--runs 5]

The goal: `distnet run jobs/digits.yaml --inline` has its first step done within 1.5 times that time
plus 1 s. The two take turns; medians are printed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"


def import_torch() -> float:
    """Seconds that a process takes to import torch and end."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.monotonic() - began


def first_step() -> float:
    """Seconds from the start of the process to the end of step 1, as the run reports it."""
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "distnet.cli", "run", str(JOB), "--inline", "--json"]
        options = ["--runs", runs, "--set", "train.steps=1"]
        ended = subprocess.run([*command, *options], capture_output=True, check=True)
    return float(json.loads(ended.stdout)["first_step_s"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    pairs = [(import_torch(), first_step()) for _ in range(runs + 1)][1:]  # the first warms up
    torch_s, first_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    limit_s = 1.5 * torch_s + 1
    print(  # noqa: T201
        f"import torch {torch_s:.2f} s, first step {first_s:.2f} s, "
        f"goal {limit_s:.2f} s: {'met' if first_s <= limit_s else 'missed'}"
    )


if __name__ == "__main__":
    main()
