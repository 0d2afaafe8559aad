"""Inject one fault into real processes."""

import signal
from collections.abc import Sequence

from distnet.chaos.driver import Driver
from distnet.chaos.family import Family
from distnet.chaos.faults import CONTROLLER, DRIVER, OTHER, PLAN, RAYLET, STOP, WORKER0, Fault
from distnet.chaos.nodes import TwoNodes
from distnet.run_folder.workers.heartbeat import Beat

CONTROLLER_TITLE = "TrainController"
SIGNALS = {STOP: signal.SIGSTOP, PLAN: signal.SIGTERM}


class MissedError(Exception):
    """The run ended before the fault struck."""


def strike(
    fault: Fault,
    beats: Sequence[Beat],
    *,
    driver: Driver,
    families: Sequence[Family],
    nodes: TwoNodes | None,
) -> str:
    """Inject the fault; returns what was hit.

    Args:
        fault: the fault.
        beats: of the workers that train now.
        driver: of the run.
        families: no process outside them is ever hit.
        nodes: the Ray of the run, if that is not private.

    Raises:
        MissedError: the target has just ended.
    """
    if fault.kind == RAYLET:
        assert nodes is not None
        hit = nodes.switch_off(with_workers=fault.choice < 0.5)
        nodes.replace()
        return hit
    pid, who = _target(fault, beats, driver, families)
    process = next((found for family in families if (found := family.find(pid))), None)
    if process is None:
        raise MissedError(f"{who} has ended")
    process.send_signal(SIGNALS.get(fault.kind, signal.SIGKILL))
    return f"{who}, process {pid}"


def _target(
    fault: Fault, beats: Sequence[Beat], driver: Driver, families: Sequence[Family]
) -> tuple[int, str]:
    """The process to hit, and what it is."""
    if fault.kind in (DRIVER, PLAN):
        return driver.process.pid, "distnet run"
    if fault.kind == CONTROLLER:
        found = [process for family in families for process in family.titled(CONTROLLER_TITLE)]
        return found[0].pid if found else 0, "controller"
    ranks = {WORKER0: beats[:1], OTHER: beats[1:] or beats}.get(fault.kind, beats)
    beat = ranks[int(fault.choice * len(ranks))]
    return beat.process, f"worker {beat.rank}"
