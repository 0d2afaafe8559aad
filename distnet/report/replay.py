"""A replay of the records of a run, in the order in which they were written.

Each attempt begins at a checkpoint of an earlier one and undoes the steps after it. The steps that
remain have to be complete from the first to the last, and use every sample of every epoch once.
"""

from collections import Counter
from dataclasses import dataclass, field

from distnet.report.expected import Expected
from distnet.run_folder.records.kinds import (
    Attempt,
    Checkpoint,
    End,
    Epoch,
    Final,
    Line,
    Logged,
    Restart,
    SampleCounts,
    Skip,
    Step,
)
from distnet.run_folder.sample_digest import SampleDigest
from distnet.spec.plural import counted


@dataclass
class Replay:
    """The state after the records that were read so far, and the faults found in them.

    Args:
        file: the name of the file of records, for the faults.
        expected: which samples each step takes.
    """

    file: str
    expected: Expected
    faults: list[str] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    """Why attempts were launched, and how often."""
    restarts: list[Restart] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    """The updates that were skipped, but for those that were undone."""
    attempt: int = 0
    status: str = "not ended"
    """How the newest attempt ended."""
    is_early: bool = False
    """Whether it finished before its last step, as evaluations got no better."""
    num_steps: int = 0
    reached: int = 0
    """The newest step that is recorded as done."""
    steps_recomputed: int = 0
    _saved: set[int] = field(default_factory=set)
    _epochs: set[int] = field(default_factory=set)
    _recorded: int = 0
    _where: str = ""

    def read(self, number: int, line: Line) -> None:
        """Check the record on line `number`."""
        self._where = f"{self.file}:{number}"
        if isinstance(line, Attempt):
            self._begin(line)
        elif line.attempt == self.attempt:
            self._continue(line)
        elif line.attempt > self.attempt and not _failed_to_begin(line):
            self._fault(f"a record of attempt {line.attempt}, whose start is not recorded")
        # A late record of an older attempt, which is about to end, does not count.

    def finish(self) -> None:
        """Check what the records have to contain as a whole."""
        self._where = self.file
        if not self.attempt:
            self._fault("no attempt is recorded")
        if self.status == "finished" and self.reached != self.num_steps and not self.is_early:
            self._fault(f"finished after step {self.reached}, expected step {self.num_steps}")
        is_ended = self.status in ("finished", "stopped")
        # A run that was killed while it evaluated has done the epoch's last step, but not yet
        # recorded the epoch.
        self._require_epochs(self.reached if is_ended else self.reached - 1)

    def _begin(self, line: Attempt) -> None:
        if line.attempt <= self.attempt:
            self._fault(f"attempt {line.attempt} is recorded after attempt {self.attempt}")
        if line.slices != self.expected.slices:
            self._fault(f"found {counted(line.slices, 'slice')}, expected {self.expected.slices}")
        if not self._may_begin_after(line.step):
            self._fault(
                f"attempt {line.attempt} begins after step {line.step}, but no checkpoint of that "
                "step is recorded before"
            )
        self.steps_recomputed += max(self.reached - line.step, 0)
        self.causes[line.cause or "unknown"] += 1
        self.attempt, self.status, self.num_steps = line.attempt, "not ended", line.num_steps or 0
        self.reached = self._recorded = line.step
        self.skips = [skip for skip in self.skips if skip.step <= line.step]
        self._epochs = {e for e in self._epochs if e * self.expected.steps_per_epoch <= line.step}
        self._require_epochs(line.step)
        epoch, batch = divmod(line.step, self.expected.steps_per_epoch)
        self._compare(line, epoch, batch)

    def _may_begin_after(self, step: int) -> bool:
        """Whether the step was saved; a killed attempt may not have recorded its last save."""
        if step == 0 or step in self._saved:
            return True
        is_killed = self.attempt > 0 and self.status in ("not ended", "failed")
        return is_killed and step > max(self._saved, default=0)

    def _continue(
        self, line: Restart | Step | Skip | Epoch | Logged | Final | Checkpoint | End
    ) -> None:
        match line:
            case Logged():
                return
            case Restart():
                self.restarts.append(line)
                return
            case Checkpoint():  # written in the background, so recorded after newer steps
                self._saved.add(line.step)
            case Final():
                self._measured_at_end(line)
            case End():
                self._end(line)
            case _:
                self._follow(line)
        self.reached = max(self.reached, line.step or 0)
        if self.reached > self.num_steps:
            self._fault(f"step {self.reached}, expected at most {self.num_steps}")

    def _follow(self, line: Step | Skip | Epoch) -> None:
        if line.step < self._recorded:
            self._fault(f"step {line.step} is recorded after step {self._recorded}")
        self._recorded = line.step
        if isinstance(line, Skip):
            self.skips.append(line)
        if isinstance(line, Epoch):
            self._end_epoch(line)

    def _end_epoch(self, line: Epoch) -> None:
        steps = self.expected.steps_per_epoch
        begin, end = (line.epoch - 1) * steps, line.epoch * steps
        if line.step not in (end, self.num_steps) or not begin < line.step <= end:
            self._fault(f"epoch {line.epoch} ends with step {line.step}, expected {end}")
            return
        if line.step == end:
            self._epochs.add(line.epoch)
        self._compare(line, line.epoch - 1, line.step - begin)

    def _measured_at_end(self, line: Final) -> None:
        if line.step < self._recorded:
            self._fault(f"measured after step {line.step}, but step {self._recorded} is recorded")

    def _end(self, line: End) -> None:
        self.status, self.is_early = line.status, line.early is not None
        if line.status != "failed" and line.step is not None:
            if line.step < self._recorded:
                self._fault(
                    f"{line.status} after step {line.step}, but step {self._recorded} is recorded"
                )
            epoch, batch = divmod(line.step, self.expected.steps_per_epoch)
            self._compare(line, epoch, batch)

    def _require_epochs(self, step: int) -> None:
        """Check that every epoch that was complete after `step` is recorded."""
        needed = range(1, step // self.expected.steps_per_epoch + 1)
        for epoch in sorted(set(needed) - self._epochs):
            self._fault(f"epoch {epoch} is not recorded, but step {step} comes after it")
        self._epochs |= set(needed)  # one fault is enough

    def _compare(self, line: SampleCounts, epoch: int, num_batches: int) -> None:
        """Compare the samples of a record with those of the epoch's first batches."""
        if line.used is None or line.skipped is None:
            self._fault(
                "the samples are not recorded (an older version of distnet wrote the record?)"
            )
            return
        used = line.used.plus(line.skipped)
        expected = self.expected.first_steps(epoch, num_batches)
        self._require(
            used, expected, f"in {counted(num_batches, 'step')} of epoch {epoch + 1}, used"
        )
        skipped = self._skipped(epoch, num_batches)
        self._require(line.skipped, skipped, f"in epoch {epoch + 1}, skipped")

    def _require(self, found: SampleDigest, expected: SampleDigest, what: str) -> None:
        if found.num_samples != expected.num_samples:
            self._fault(
                f"{what}: {counted(found.num_samples, 'sample')}, expected {expected.num_samples:,}"
            )
        elif found != expected:
            self._fault(
                f"{what}: {counted(found.num_samples, 'sample')}, but not the expected ones"
            )

    def _skipped(self, epoch: int, num_batches: int) -> SampleDigest:
        """The samples of the skipped batches among the epoch's first `num_batches`."""
        first = epoch * self.expected.steps_per_epoch
        steps = {step - 1 - first for skip in self.skips for step in skip.steps}
        digest = SampleDigest()
        for batch in steps & set(range(num_batches)):
            digest = digest.plus(self.expected.step(epoch, batch))
        return digest

    def _fault(self, text: str) -> None:
        self.faults.append(f"{self._where}: {text}")


def _failed_to_begin(line: Line) -> bool:
    """Whether this is the end of an attempt that failed before it recorded its start."""
    return isinstance(line, End) and line.status == "failed"
