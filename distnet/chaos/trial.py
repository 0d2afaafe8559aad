"""One trial: a run of the job, struck by its faults one after the other, to its end."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from distnet.chaos.driver import Command, Driver
from distnet.chaos.family import Family
from distnet.chaos.faults import DRIVER, PLAN, Fault
from distnet.chaos.nodes import TwoNodes
from distnet.chaos.results import Hit
from distnet.chaos.strike import MissedError, strike
from distnet.errors import INTERRUPTED_EXIT_CODE, RunInUseError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import is_finished
from distnet.run_folder.workers.heartbeat import Beat, Stage, read_heartbeats

STRIKE_POLL_S = 0.005
POLL_S = 0.05
HELD_TIMEOUT_S = 60.0
"""How long a run folder may stay locked after its launcher was killed."""

Show = Callable[[str], None]
"""Receives what a trial waits for."""


class TrialError(Exception):
    """The run did not end as it should, or not at all; the text says how."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    hits: tuple[Hit, ...]
    result: dict[str, Any]
    error: str | None


class Trial:
    """Runs the job under faults.

    Args:
        command: of the job.
        name: the run's.
        family: gets the trial's processes.
        nodes: the Ray to train on; by default the run starts a private one.
        stall_limit_s: how long the heartbeats of the run may stay the same.
        show: receives what is waited for.
    """

    def __init__(
        self,
        command: Command,
        name: str,
        *,
        family: Family,
        nodes: TwoNodes | None,
        stall_limit_s: float,
        show: Show,
    ) -> None:
        self._command, self._nodes, self._show = command, nodes, show
        self._family, self._stall_limit_s = family, stall_limit_s
        self._folder = RunFolder(command.runs / name)
        self._log = command.runs / f"{name}.log"
        environment = nodes.environment if nodes else None
        self._driver = Driver(self._log, family=family, environment=environment)
        self._address = ["--address", nodes.address] if nodes else []
        self._reached: dict[int, int] = {}
        self._struck = self._held_until = 0.0

    def run(self, faults: Sequence[Fault]) -> Outcome:
        """Run to the end.

        Raises:
            MissedError: the run ended before a fault, or before a fault had an effect.
        """
        self._driver.start([*self._command.new(self._folder.name), *self._address])
        hits: list[Hit] = []
        try:
            for fault in faults:
                hits.append(self._strike(fault))
                hits[-1] = self._recover(hits[-1])
            self._show("waiting for the end")
            self._wait_for_end()
            self._require_exit(0)
        except TrialError as error:
            if self._driver.exit_code is None:  # it hangs: its leftovers are not a finding
                self._family.end()
            return Outcome(tuple(hits), {}, str(error))
        return Outcome(tuple(hits), self._driver.printed(), None)

    def _strike(self, fault: Fault) -> Hit:
        """Wait for the step of the fault, and inject it."""
        self._show(f"{fault.kind}: waiting for step {fault.step:,}")
        beats = self._wait(lambda beats: _step(beats) >= fault.step, STRIKE_POLL_S)
        if self._driver.exit_code is not None:
            self._require_exit(0)
        if self._driver.exit_code is not None or _has_ended(beats):
            raise MissedError(f"the run ended before step {fault.step:,}")
        families = [self._family, *([self._nodes.family] if self._nodes else [])]
        self._struck = time.monotonic()
        target = strike(fault, beats, driver=self._driver, families=families, nodes=self._nodes)
        return Hit(fault.kind, fault.step, _step(beats), beats[0].attempt, target)

    def _recover(self, hit: Hit) -> Hit:
        """Do what a user would do, and wait until training continues."""
        self._show(f"{hit.kind} at step {hit.reached:,}: waiting for the next step")
        if hit.kind in (DRIVER, PLAN):
            self._wait_for_end()
            if is_finished(self._folder):
                raise MissedError("the run ended just before the fault")
            self._require_exit(INTERRUPTED_EXIT_CODE if hit.kind == PLAN else -signal.SIGKILL)
            self._resume()
        beats = self._wait(lambda beats: _continues(beats, hit.attempt), POLL_S)
        recovery_s = time.monotonic() - self._struck
        if not _continues(beats, hit.attempt):
            self._require_exit(0)
            raise MissedError("the run ended without a restart")
        reached, began = self._reached[hit.attempt], beats[0].started_at
        return replace(hit, recovery_s=recovery_s, reached=reached, restarted_at=began)

    def _wait_for_end(self) -> None:
        self._wait(lambda beats: False, POLL_S)

    def _wait(self, holds: Callable[[Sequence[Beat]], bool], pause_s: float) -> list[Beat]:
        """Poll until `holds`, or until the driver has ended; returns the last heartbeats.

        Raises:
            TrialError: the heartbeats stayed the same for too long.
        """
        last, changed = None, time.monotonic()
        while True:
            has_ended = self._driver.exit_code is not None and not self._is_held()
            beats = self._poll()
            if has_ended or holds(beats):
                return beats
            if (seen := (self._driver.process.pid, beats)) != last:
                last, changed = seen, time.monotonic()
            if time.monotonic() - changed > self._stall_limit_s:
                raise TrialError(f"no heartbeat for {self._stall_limit_s:.0f} s; see {self._log}")
            time.sleep(pause_s)

    def _poll(self) -> list[Beat]:
        """Read where the workers are."""
        self._family.scan()
        beats = read_heartbeats(self._folder.heartbeats)
        for beat in beats:
            self._reached[beat.attempt] = max(beat.step, self._reached.get(beat.attempt, 0))
        return beats

    def _resume(self) -> None:
        self._held_until = time.monotonic() + HELD_TIMEOUT_S
        self._driver.start([*self._command.resume(self._folder.name), *self._address])

    def _is_held(self) -> bool:
        """Resume once more if what was left of the killed driver still held the folder."""
        in_use = self._driver.error_type() == RunInUseError.__name__
        again = in_use and time.monotonic() < self._held_until
        if again:
            self._driver.start([*self._command.resume(self._folder.name), *self._address])
        return again

    def _require_exit(self, expected: int) -> None:
        """Check the exit code of the driver.

        Raises:
            TrialError: it is another one.
        """
        if self._driver.exit_code != expected:
            raise TrialError(self._driver.error())


def _step(beats: Sequence[Beat]) -> int:
    """Steps that the fastest worker has completed."""
    return max((beat.step for beat in beats), default=0)


def _has_ended(beats: Sequence[Beat]) -> bool:
    return any(beat.stage is Stage.ENDED for beat in beats)


def _continues(beats: Sequence[Beat], attempt: int) -> bool:
    """Whether a later attempt has completed a step, or had none left."""
    return any(
        beat.attempt > attempt and (beat.step > beat.started_at or beat.stage is Stage.ENDED)
        for beat in beats
    )
