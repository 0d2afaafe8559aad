"""How long training stands still for a checkpoint, from the records of real runs.

    python -m tests.bench.checkpoint_stall [--only cnn|100m]

Trains the digits' CNN, and a network of 100 million parameters with Adam (a checkpoint of 1.2 GB),
for some steps each, and compares each checkpoint's stall with the median step. Snapshots are taken
into memory that is ready before the first step; everything else happens in the background.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import distnet

CNN = (Path(__file__).parents[2] / "jobs/digits-cnn.yaml").read_text()
LARGE = """
name: large
network: {kind: mlp, hidden: [9600, 9600]}
data: {source: mnist}
optimizer: {kind: adam}
train: {steps: 16, batch_size: 128, slices: 1}
"""
JOBS = {
    "cnn": (CNN, ["train.epochs=null", "train.steps=300", "checkpoint.every_steps=50"]),
    "100m": (LARGE, ["checkpoint.every=6s"]),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=JOBS, action="append")
    for name in parser.parse_args().only or JOBS:
        with tempfile.TemporaryDirectory() as folder:
            measure(name, Path(folder))


def measure(name: str, folder: Path) -> None:
    """Train one job in `folder`, and print a line a checkpoint and a line for all."""
    text, overrides = JOBS[name]
    (folder / "job.yaml").write_text(text)
    run = distnet.run(folder / "job.yaml", inline=True, overrides=overrides, runs=folder)
    records = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    [end] = [record for record in records if record["kind"] == "end"]
    step_s = end["median_step_seconds"]
    saved = [record for record in records if record["kind"] == "checkpoint"]
    for record in saved:
        show(record, step_s)
    stalls = [record["stall_seconds"] for record in saved]
    print(  # noqa: T201
        f"{name}: {len(saved)} checkpoints, stall median {statistics.median(stalls) * 1e3:.2f} ms, "
        f"largest {max(stalls) * 1e3:.2f} ms; median step {step_s * 1e3:.2f} ms: "
        f"{'below one step' if max(stalls) < step_s else 'NOT below one step'}"
    )


def show(record: dict[str, Any], step_s: float) -> None:
    """Print one checkpoint."""
    print(  # noqa: T201
        f"  step {record['step']:5}: stall {record['stall_seconds'] * 1e3:8.2f} ms = "
        f"{record['stall_seconds'] / step_s:.2f} steps, committed after {record['seconds']:.2f} s, "
        f"{record['num_bytes'] / 1e6:.1f} MB",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
