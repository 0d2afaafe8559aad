"""Write the records of a run as lines of its log, for users who follow it."""

import re
import time
from collections.abc import Mapping
from typing import Any

from distnet.report.text import number, whole_epochs
from distnet.run_folder.records.recorder import Record
from distnet.spec.metric import LOSS, Metric
from distnet.spec.plural import counted

STEP_EVERY_S = 10.0
LOG_PATH = re.compile(r"its log is .*?worker-(\d+)\.log")


def with_log_command(text: str, job: str) -> str:
    """Replace the path of a worker's log by the command that shows it to users of the server."""
    return LOG_PATH.sub(rf"its log: distnet logs {job} --worker \1", text)


class LogLines:
    """Turns records into lines; of the steps, one every ten seconds."""

    def __init__(self) -> None:
        self._num_epochs = 0
        self._metrics: list[Metric] = [LOSS]
        self._last_step_at = time.monotonic()

    def __call__(self, record: Record) -> str | None:
        """Write one record as a line; None for records that have none."""
        write = {
            "attempt": self._attempt,
            "note": _note,
            "stage": _stage,
            "skip": _skip,
            "step": self._step,
            "epoch": self._epoch,
            "final": self._final,
            "end": _end,
        }.get(record["kind"])
        return write(record) if write is not None else None

    def _attempt(self, record: Record) -> str:
        self._num_epochs = whole_epochs(record["num_epochs"])
        self._metrics = [LOSS, *map(Metric.from_dict, record.get("metrics", ()))]
        workers = counted(record["workers"], "worker")
        start = f", resumes from step {record['step']:,}" if record["step"] else ""
        cause = f" ({record['cause']})" if record["cause"] not in ("start", "resume") else ""
        return f"{counted(record['num_steps'], 'step')} on {workers}{start}{cause}"

    def _step(self, record: Record) -> str | None:
        if time.monotonic() - self._last_step_at < STEP_EVERY_S:
            return None
        self._last_step_at = time.monotonic()
        rate = f"{number(record['samples_per_second'])} samples/s"
        step = f"step {record['step']:,}  train {self._values(record)}"
        return f"{self._epoch_of(record)}  {step}  {rate}"

    def _epoch(self, record: Record) -> str:
        self._last_step_at = time.monotonic()
        splits = {name: value for name, value in record.items() if isinstance(value, dict)}
        measured = "  ".join(f"{name} {self._values(values)}" for name, values in splits.items())
        return f"{self._epoch_of(record)}  {measured}  {record['samples_per_second']:,.0f}/s"

    def _final(self, record: Record) -> str:
        return f"at the end  {record['split']} {self._values(record['metrics'])}"

    def _epoch_of(self, record: Record) -> str:
        return f"epoch {record['epoch']}/{self._num_epochs}"

    def _values(self, values: Mapping[str, Any]) -> str:
        shown = [metric for metric in self._metrics if values.get(metric.name) is not None]
        return "  ".join(f"{metric.name} {metric.text(values[metric.name])}" for metric in shown)


def _note(record: Record) -> str:
    return f"note: {record['text']}"


def _stage(record: Record) -> str:
    return str(record["text"])


def _skip(record: Record) -> str:
    return f"note: step {record['step']:,}: {record['reason']} ({record['mode']})"


def _end(record: Record) -> str:
    step = "" if record["step"] is None else f" at step {record['step']:,}"
    error = f": {record['error']}" if record["error"] else ""
    return f"{record['status']}{step}{error}"
