"""Compare runs: how their jobs differ, and what they achieved."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from distnet.errors import JobFileError, RunError
from distnet.report.run import Run
from distnet.report.summary import Summary, summarise
from distnet.report.text import flatten
from distnet.spec.code.collect import digest
from distnet.spec.code.names import shown_name
from distnet.spec.metric import Metric
from distnet.spec.reading.yaml import read_yaml

Verdict = Literal["better", "worse", ""]


@dataclass(frozen=True)
class Comparison:
    """Two or more runs side by side; the others are compared with the first."""

    runs: tuple[Summary, ...]
    labels: tuple[str, ...]
    """The names of the runs, or their folders where two have one name."""
    job: dict[str, tuple[Any, ...]]
    """By dotted key, each run's value, where they differ; None where a job has no such key.

    `data.sha256` is the hash of the data, which may have changed under the same name; `code.sha256`
    and `code.mynet.py` are those of the user's own code and of its files.
    """
    metrics: dict[str, tuple[float | None, ...]]
    """By key such as `test_accuracy`, the newest value of each run."""
    declared: dict[str, Metric]
    """By the same keys, the metric."""

    @property
    def differences(self) -> dict[str, tuple[float | None, ...]]:
        """By key of the metric, each run's value minus that of the first."""
        return {
            name: tuple(_difference(value, values[0]) for value in values)
            for name, values in self.metrics.items()
        }

    @property
    def verdicts(self) -> dict[str, tuple[Verdict, ...]]:
        """By key of the metric, whether each run is better or worse than the first."""
        return {
            key: tuple(_verdict(self.declared[key], value, values[0]) for value in values)
            for key, values in self.metrics.items()
        }

    @property
    def speed_ratios(self) -> tuple[float | None, ...]:
        """Each run's samples/s, divided by those of the first."""
        first = self.runs[0].samples_per_second
        rates = [run.samples_per_second for run in self.runs]
        return tuple(rate / first if rate and first else None for rate in rates)

    @property
    def same_weights(self) -> bool | None:
        """Whether all runs ended with the same bits; None where one has not ended."""
        hashes = {run.weights_sha256 for run in self.runs}
        return None if None in hashes else len(hashes) == 1

    def to_dict(self) -> dict[str, Any]:
        """The whole comparison, for JSON."""
        return {
            "runs": [run.to_dict() for run in self.runs],
            "labels": self.labels,
            "job": self.job,
            "metrics": self.metrics,
            "declared": {key: metric.to_dict() for key, metric in self.declared.items()},
            "differences": self.differences,
            "verdicts": self.verdicts,
            "speed_ratios": self.speed_ratios,
            "same_weights": self.same_weights,
        }


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """Compare two or more runs.

    Raises:
        RunError: fewer than two runs, or a job file among them is damaged.
    """
    if len(runs) < 2:
        raise RunError("compare needs at least two runs: distnet compare RUN RUN")
    summaries = tuple(summarise(run) for run in runs)
    jobs = [_job(run) | _data(run) | _code(run) | _packages(run) for run in runs]
    declared = {one.key: one.metric for summary in summaries for one in summary.measured}
    return Comparison(
        runs=summaries,
        labels=_labels(summaries),
        job=_unequal(jobs),
        metrics={key: tuple(s.metrics.get(key) for s in summaries) for key in declared},
        declared=declared,
    )


def _labels(runs: Sequence[Summary]) -> tuple[str, ...]:
    names = tuple(run.name for run in runs)
    return names if len(set(names)) == len(names) else tuple(run.folder for run in runs)


def _job(run: Run) -> dict[str, Any]:
    try:
        value = read_yaml(run.job_text).value if run.job_text else {}
    except JobFileError as error:
        raise RunError(f"{run.folder.job}: damaged: {error}") from None
    return flatten(value) if isinstance(value, dict) else {}


def _data(run: Run) -> dict[str, Any]:
    sha256 = run.environment.get("data_sha256")
    return {"data.sha256": sha256[:12]} if isinstance(sha256, str) else {}


def _code(run: Run) -> dict[str, Any]:
    """The hashes of the run's own code: of all of it, and of each file."""
    files = {f"code.{shown_name(name)}": sha256[:12] for name, sha256 in run.code.items()}
    return ({"code.sha256": digest(dict(run.code))[:12]} if files else {}) | files


def _packages(run: Run) -> dict[str, Any]:
    """The versions of the packages that the job brings along."""
    named = [re.split(r"==| @ ", package, maxsplit=1) for package in run.packages]
    return {f"packages.{name}": version for name, version in named}


def _unequal(jobs: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    keys = dict.fromkeys(key for job in jobs for key in job)
    rows = {key: tuple(job.get(key) for job in jobs) for key in keys}
    return {key: row for key, row in rows.items() if any(value != row[0] for value in row)}


def _verdict(metric: Metric, value: float | None, first: float | None) -> Verdict:
    if value is None or first is None:
        return ""
    if metric.is_better(value, first):
        return "better"
    return "worse" if metric.is_better(first, value) else ""


def _difference(value: float | None, first: float | None) -> float | None:
    if value is None or first is None or not math.isfinite(value - first):
        return None
    return value - first
