"""Train the trials of a sweep here, one after the other."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from distnet.errors import DistnetError, NotEnoughResourcesError, RunInUseError, StoppedError
from distnet.launch.run import resume, run_file
from distnet.launch.rung import Rung
from distnet.notebook.run import Run
from distnet.run_folder.create import remove_incomplete
from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import holds_run
from distnet.run_folder.records.recorder import Emit
from distnet.run_folder.requests import clear_stop, planned_stop, stop_reason
from distnet.sweeps.halving import ENDED, read_trial, read_trials, standing, state_of
from distnet.sweeps.record import SweepFolder, Trial

Watch = Callable[[SweepFolder, Trial, float], AbstractContextManager[Emit | None]]
"""Called before a trial trains, also with the part of its epochs after which it is compared with
others; what it gives receives the records."""
FOR_ALL = (RunInUseError, NotEnoughResourcesError)
"""What ends a sweep, because it is no fault of a trial."""


@dataclass(frozen=True)
class Options:
    """How the trials are trained."""

    workers: int | None = None
    inline: bool = False
    address: str | None = None


def train_sweep(
    sweep: SweepFolder, options: Options, watch: Watch | None = None
) -> tuple[SweepFolder, bool]:
    """Train the trials that have not ended; one that has begun resumes from its checkpoint.

    A trial that fails is left out. Ctrl-C stops the trial, which saves a checkpoint, and the sweep.

    Returns:
        The sweep, and whether it was stopped.

    Raises:
        RunInUseError: another process trains it.
        DistnetError: no trial can begin; or what ends all of them, such as too few CPUs.
    """
    folder, watch = RunFolder(sweep.path), watch or _unwatched
    with held(folder):
        clear_stop(folder)
        with planned_stop(folder):
            runs, is_stopped = read_trials(sweep), False
            while not is_stopped and (now := standing(sweep, runs)).next is not None:
                trial, part = now.next, now.until
                rung = Rung(sweep.run(trial), part)
                with watch(sweep, trial, part) as listener:
                    sweep, is_stopped = _try(sweep, trial, options, rung, listener)
                runs[trial.name] = read_trial(sweep, trial)
                is_stopped = is_stopped or stop_reason(folder) is not None
        clear_stop(folder)
    return sweep, is_stopped and standing(sweep, runs).next is not None


def _unwatched(sweep: SweepFolder, trial: Trial, part: float) -> AbstractContextManager[None]:  # noqa: ARG001
    return nullcontext()


def _try(
    sweep: SweepFolder, trial: Trial, options: Options, rung: Rung, listener: Emit | None
) -> tuple[SweepFolder, bool]:
    """Train a trial, and say whether it was stopped; its records say whether it failed.

    What cannot even begin leaves no records: the sweep's own say so.
    """

    def both(record: dict[str, Any]) -> None:
        rung(record)
        if listener is not None:
            listener(record)

    try:
        is_stopped = _train(sweep, trial, options, both).status == "stopped"
        return sweep, is_stopped and not rung.is_reached
    except StoppedError:
        return sweep, True
    except FOR_ALL:
        raise
    except DistnetError as error:
        if state_of(read_trial(sweep, trial)) in ENDED:
            return sweep, False
        if holds_run(sweep.run(trial)) or not any(
            holds_run(sweep.run(other)) for other in sweep.trials
        ):
            raise  # it cannot be resumed; or nothing has begun, most likely a fault of all
        return sweep.refusing(trial, str(error)), False


def _train(sweep: SweepFolder, trial: Trial, options: Options, listener: Emit) -> Run:
    folder = sweep.run(trial)
    if holds_run(folder):
        return resume(
            folder.path,
            workers=options.workers,
            inline=options.inline,
            address=options.address,
            listener=listener,
        )
    remove_incomplete(folder)
    return run_file(
        sweep.job_file(trial),
        workers=options.workers,
        inline=options.inline,
        name=trial.name,
        runs=sweep.path.parent,
        start_from=sweep.contents.start_from,
        address=options.address,
        listener=listener,
    )
