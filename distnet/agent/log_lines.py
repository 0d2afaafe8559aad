"""The records of a run in plain sentences, for its log: what a person who follows it reads."""

import math
import re
import time

from distnet.report.text import number
from distnet.run_folder.recorder import Record

STEP_TOLD_EVERY_S = 10.0


LOG = re.compile(r"its log is .*?worker-(\d+)\.log")


def pointing(text: str, job: str) -> str:
    """The text with the log of a worker as the users of a server get it, not as a path."""
    return LOG.sub(rf"its log: distnet logs {job} --worker \1", text)


class Narrator:
    """Says what is worth reading; steps now and then."""

    def __init__(self) -> None:
        self._num_epochs = 0
        self._step_told = time.monotonic()

    def __call__(self, record: Record) -> str | None:
        """Put one record in a sentence; None for what is not told."""
        sentence = {
            "attempt": self._attempt,
            "note": _note,
            "skip": _skip,
            "step": self._step,
            "epoch": self._epoch,
            "end": _end,
        }.get(record["kind"])
        return sentence(record) if sentence is not None else None

    def _attempt(self, record: Record) -> str:
        self._num_epochs = math.ceil(round(record["num_epochs"], 6))
        workers = f"{record['workers']} worker{'s' * (record['workers'] > 1)}"
        start = f", going on from step {record['step']:,}" if record["step"] else ""
        why = f" ({record['cause']})" if record["cause"] not in ("start", "resume") else ""
        return f"{record['num_steps']:,} steps on {workers}{start}{why}"

    def _step(self, record: Record) -> str | None:
        if time.monotonic() - self._step_told < STEP_TOLD_EVERY_S:
            return None
        self._step_told = time.monotonic()
        return f"{self._epoch_of(record)}  step {record['step']:,}  {_figures(record)}"

    def _epoch(self, record: Record) -> str:
        self._step_told = time.monotonic()
        splits = {name: value for name, value in record.items() if isinstance(value, dict)}
        measured = "  ".join(f"{name} {_figures(values)}" for name, values in splits.items())
        return f"{self._epoch_of(record)}  {measured}  {record['samples_per_second']:,.0f}/s"

    def _epoch_of(self, record: Record) -> str:
        return f"epoch {record['epoch']}/{self._num_epochs}"


def _figures(values: Record) -> str:
    shown = {"loss": "loss", "accuracy": "acc", "mae": "mae", "samples_per_second": "samples/s"}
    return "  ".join(
        f"{word} {number(values[key])}" for key, word in shown.items() if key in values
    )


def _note(record: Record) -> str:
    return f"note: {record['text']}"


def _skip(record: Record) -> str:
    return f"note: step {record['step']:,}: {record['reason']} ({record['mode']})"


def _end(record: Record) -> str:
    step = "" if record["step"] is None else f" at step {record['step']:,}"
    error = f": {record['error']}" if record["error"] else ""
    return f"{record['status']}{step}{error}"
