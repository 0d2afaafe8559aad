"""The run without faults, with which all others are compared."""

import time
from dataclasses import dataclass

from distnet.chaos.driver import Command, Driver
from distnet.chaos.family import Family
from distnet.chaos.remains import Remains
from distnet.errors import DistnetError, RunError, TrainingError

POLL_S = 0.1


@dataclass(frozen=True)
class Undisturbed:
    """Its result."""

    run: str
    weights_sha256: str
    steps: int
    workers: int
    seconds: float


def run_undisturbed(command: Command, name: str) -> Undisturbed:
    """Run the job once, without any fault.

    Raises:
        DistnetError: it failed; message and exit code are those of `distnet run`.
    """
    family = Family(name)
    driver = Driver(command.runs / f"{name}.log", family=family)
    remains = Remains(family, None)
    try:
        driver.start(command.new(name))
        while driver.exit_code is None:
            family.scan()
            time.sleep(POLL_S)
    finally:
        remains.remove()
    if driver.exit_code != 0:
        raise _as_error(driver)
    result = driver.printed()
    return Undisturbed(
        run=name,
        weights_sha256=result["weights_sha256"],
        steps=result["steps"],
        workers=result["workers"],
        seconds=result["seconds"],
    )


def _as_error(driver: Driver) -> DistnetError:
    kind = TrainingError if driver.exit_code != RunError.exit_code else RunError
    return kind(f"the job fails even without faults: {driver.error()}")
