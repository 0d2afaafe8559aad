"""Training progress of an attempt, from its records and the heartbeats of its workers."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from distnet.agent.use import AttemptUse
from distnet.errors import RunError
from distnet.launch.placement import Placement
from distnet.protocol.attempt import RATES, Report
from distnet.protocol.metrics import AtRung, Compared, Headline, finite, reportable
from distnet.protocol.states import Doing
from distnet.report.measured import compared_by, measured_at
from distnet.report.run import read_run
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.recorder import Record
from distnet.run_folder.workers.heartbeat import Beat, Stage, read_heartbeats
from distnet.spec.metric import Metric


class Progress:
    """Collects records in one thread; makes reports in another.

    The launcher counts attempts of its own: one each time that it starts a group of workers. They
    are what `_launch` counts here; the server's attempt contains all of them.
    """

    def __init__(
        self, folder: RunFolder, placement: Placement, rungs: Sequence[float] = ()
    ) -> None:
        self._folder, self._given, self._rungs = folder, placement, rungs
        self._lock = threading.Lock()
        self._launch: int | None = None
        self._workers = 0
        self._facts: dict[str, Any] = {}
        self._rates: dict[str, float] = {}
        self._placement: dict[str, int] = {}
        self._is_training = False
        self._use = AttemptUse()
        self._is_installing = False
        self._earlier = max((b.attempt for b in read_heartbeats(folder.heartbeats)), default=0)
        """The last launch before this attempt: its heartbeats say nothing about this one."""
        self._first: tuple[float, int] | None = None
        """A time after the first step of these workers, and the step at that time."""

    def __call__(self, record: Record) -> None:
        """Take in one record of metrics.jsonl."""
        with self._lock:
            match record["kind"]:
                case "attempt":
                    self._begin(record)
                case "stage":
                    self._is_installing = True
                case "step":
                    self._is_training = True
                    self._facts["step"] = record["step"]
                    self._rates |= {name: record[name] for name in RATES if name in record}
                case "epoch":
                    self._evaluated(record.get(self._facts.get("split") or ""))
                    self._compare()
                    self._read_rungs()
                case "final":
                    self._facts["split"] = record["split"]
                    self._evaluated(record["metrics"])
                    self._compare_in_folder()
                case "checkpoint":
                    self._facts["saved_step"] = record["step"]

    @property
    def workers(self) -> int:
        """Number of workers of the launcher's newest attempt; 0 before it begins."""
        return self._workers

    def report(self) -> Report:
        """Make a report of the current progress, without logs."""
        with self._lock:
            beats = read_heartbeats(self._folder.heartbeats)
            self._read_workers(beats)
            self._measure_pace(time.monotonic())
            rates = {name: finite(value) for name, value in self._rates.items()}
            return Report(
                is_training=self._is_training,
                doing=Doing.INSTALLING if self._installs(beats) else None,
                placement=self._placement,
                draining=self._given.draining,
                used=self._use.used(),
                progress={name: value for name, value in rates.items() if value is not None},
                **self._facts,
            )

    def _begin(self, record: Record) -> None:
        self._launch, self._workers = record["attempt"], record["workers"]
        self._placement, self._first, self._is_installing = {}, None, False
        self._use.begin(record["step"])
        self._facts |= {"step": record["step"], "num_steps": record["num_steps"]}
        self._facts.setdefault("saved_step", record["step"])
        if declared := record.get("metrics"):
            self._facts["headline"] = Headline.of(Metric.from_dict(declared[0]))
        self._facts["split"] = record.get("split")
        self._read_rungs()

    def _evaluated(self, measured: Any) -> None:
        """Take over the metrics of an evaluation; an epoch that was not evaluated has none."""
        if isinstance(measured, dict):
            headline = self._facts.get("headline")
            self._facts["metrics"] = reportable(measured, headline and headline.name)

    def _compare(self) -> None:
        """Compare this run with others by the newest evaluation."""
        headline, split = self._facts.get("headline"), self._facts.get("split")
        value = headline and self._facts.get("metrics", {}).get(headline.name)
        if split and value is not None:
            self._facts["compared"] = Compared(split=split, value=value)

    def _compare_in_folder(self) -> None:
        """Compare it by the weights of its end, which an earlier attempt may have measured."""
        try:
            measured = compared_by(read_run(self._folder))
        except RunError:  # a damaged file must not end the training; the newest evaluation counts
            return
        if measured is not None and (value := finite(measured.value)) is not None:
            self._facts["compared"] = Compared(split=measured.split, value=value)

    def _read_rungs(self) -> None:
        """Find out at which rungs the run was measured, also by an earlier attempt."""
        if len(self._facts.get("at_rungs", ())) >= len(self._rungs):
            return
        try:
            run = read_run(self._folder)
        except RunError:  # as above: it is read again after the next epoch
            return
        num_epochs = finite(run.plan.get("epochs")) or 0.0
        self._facts["at_rungs"] = tuple(
            AtRung(epoch=epoch.epoch, num_epochs=num_epochs, value=finite(value))
            for epoch, value in measured_at(run, self._rungs)
        )

    def _installs(self, beats: list[Beat]) -> bool:
        """Whether packages are installed here, or by a worker on its node."""
        now = [beat.stage for beat in beats if beat.attempt > self._earlier]
        return Stage.INSTALLING in now or (self._is_installing and not now)

    def _read_workers(self, found: list[Beat]) -> None:
        """Read the workers' nodes, and steps that have no record yet."""
        if self._launch is None:
            return
        if not self._placement:
            self._placement = _placement_of(self._folder, self._workers)
        beats = [beat for beat in found if beat.attempt == self._launch]
        for beat in beats:
            if beat.stage.is_training:
                self._facts["step"] = max(self._facts["step"], beat.step)
                self._is_training |= beat.step > beat.started_at
        self._use.take(beats, self._facts["step"])

    def _measure_pace(self, now: float) -> None:
        """Measure the time per step, evaluations and checkpoints included, start-up excluded."""
        if not self._is_training or self._launch is None:
            return
        step = self._facts["step"]
        if self._first is None:
            self._first = (now, step)
        since, first = self._first
        if step > first:
            self._rates["seconds_per_step"] = (now - since) / (step - first)


def _placement_of(folder: RunFolder, workers: int) -> dict[str, int]:
    """Count the workers on each node; empty until every worker has written its node."""
    try:
        nodes = [folder.node(rank).read_text() for rank in range(workers)]
    except OSError:
        return {}
    return dict(Counter(nodes)) if all(nodes) else {}
