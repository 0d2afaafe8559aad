"""A table through `data import`, `init` and `run` as they are, against ridge regression.

    python -m tests.bench.table [--first 0]

Scikit-learn's diabetes (442 rows, 10 columns; Efron et al. 2004) in five random splits, a fifth of
the rows for the test each time, once without and once with a part for validation. Printed is R^2
on the test: of the network, and of the linear model that stands beside it. What `init` writes was
chosen on the splits 0 to 4; with `--first 5` the network meets five that it was not chosen on.
"""

import argparse
import csv
import json
import os
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes

from distnet.cli.main import main
from distnet.report.run import read_run
from distnet.run_folder.paths import RunFolder

SPLITS, TEST = 5, 0.2
MARGIN = 0.02
"""How far below the linear model the mean over the splits may be."""


def write_split(folder: Path, seed: int) -> None:
    """Write the rows as `train.csv` and `test.csv`, in an order that the seed decides."""
    found: Any = load_diabetes(scaled=False)
    rows = np.column_stack([found.data, found.target]).tolist()
    order = np.random.default_rng(seed).permutation(len(rows))
    num_test = int(TEST * len(rows))
    folder.mkdir(parents=True)
    for name, ids in (("test", order[:num_test]), ("train", order[num_test:])):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow([*found.feature_names, "target"])
            lines.writerows(rows[index] for index in ids)


def measure(folder: Path, seed: int, *options: str) -> tuple[float, float]:
    """R^2 of the network and of the linear model on the test of one split."""
    write_split(folder / "raw", seed)
    data, job = str(folder / "data"), str(folder / "job.yaml")
    words = ["--target-kind", "number", *options]
    _call("data", "import", str(folder / "raw"), data, *words)
    _call("init", data, "--output", job)
    _call("run", job, "--inline", "--no-report", "--runs", str(folder), "--name", "run")
    run = read_run(RunFolder(folder / "run"))
    final, baseline = run.history.final, run.baseline
    assert baseline is not None
    return (final.metrics if final else run.evaluated)["r2"], baseline.metrics["r2"]


def measure_all(folder: Path, first: int, *options: str) -> dict[str, Any]:
    """The mean of both over five splits, of which `first` is the first."""
    seeds = range(first, first + SPLITS)
    pairs = [measure(folder / str(seed), seed, *options) for seed in seeds]
    network, linear = (statistics.mean(values) for values in zip(*pairs, strict=True))
    return {"network": round(network, 4), "linear": round(linear, 4), "splits": pairs}


def _call(*words: str) -> None:
    """One command of the user, whose output is not of interest."""
    out = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            assert main(list(words)) == 0, words
    finally:
        os.dup2(out, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    first, worst = parser.parse_args().first, 0.0
    for options in ((), ("--validation-fraction", "0.1")):
        with TemporaryDirectory() as name:
            found = measure_all(Path(name), first, *options)
        sys.stdout.write(json.dumps({"options": options, **found}) + "\n")
        sys.stdout.flush()
        worst = min(worst, found["network"] - found["linear"])
    sys.exit(worst < -MARGIN)
