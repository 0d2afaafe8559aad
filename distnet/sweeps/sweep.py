"""A sweep from Python: `distnet.sweep` trains one, `distnet.open_sweep` reads one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distnet.errors import DistnetError
from distnet.notebook.run import Run
from distnet.protocol.sweeps import SweepResponse
from distnet.run_folder.read import holds_run
from distnet.spec.plural import counted
from distnet.spec.reading.overrides import Overrides, as_texts
from distnet.sweeps.find import find_sweep
from distnet.sweeps.make import make_sweep
from distnet.sweeps.page import write_page
from distnet.sweeps.ranking import rank
from distnet.sweeps.record import SweepFolder
from distnet.sweeps.train import Options, Watch, train_sweep


@dataclass(frozen=True)
class Sweep:
    """A sweep here, finished or not."""

    folder: SweepFolder
    is_stopped: bool = False
    """Whether it was stopped before all trials had ended."""

    @property
    def table(self) -> SweepResponse:
        """A row for each trial, the best first."""
        return rank(self.folder)

    @property
    def best(self) -> Run | None:
        """The run with the best headline metric; None before anything is measured."""
        names = {trial.name: trial for trial in self.folder.trials}
        best = self.table.best
        if best is None:
            return None
        return Run(self.folder.run(names[best]))

    def resume(
        self,
        *,
        workers: int | None = None,
        inline: bool = False,
        address: str | None = None,
        watch: Watch | None = None,
    ) -> "Sweep":
        """Train the trials that have not ended, by default as the sweep began.

        Raises:
            RunInUseError: another process trains it.
            DistnetError: what ends all trials, such as too few CPUs.
        """
        began = self.folder.contents
        options = Options(workers or began.workers, inline or began.inline, address)
        return Sweep(*train_sweep(self.folder, options, watch))

    def report(self) -> Path:
        """Write the HTML report of the sweep; returns the page."""
        write_page(self.folder.page, self.table)
        return self.folder.page

    def __repr__(self) -> str:
        """Name, number of trials and the best, as a notebook shows it."""
        table = self.table
        return (
            f"<Sweep {self.folder.name}: {counted(len(table.trials), 'trial')}, {table.best_text}>"
        )


def sweep(
    job: str | Path,
    settings: Sequence[str],
    *,
    workers: int | None = None,
    inline: bool = False,
    overrides: Overrides = (),
    name: str | None = None,
    runs: str | Path = "runs",
    start_from: str | Path | None = None,
    stop_early: bool = False,
    address: str | None = None,
    watch: Watch | None = None,
) -> Sweep:
    """Train a job file once for every combination of some settings, one after the other.

    Args:
        job: the job file.
        settings: `optimizer.learning_rate=0.1,0.01` or `train.seed=1..3`, each.
        workers: of each trial, instead of `resources.workers`.
        inline: train in this process, without Ray.
        overrides: of all trials: `{"train.epochs": 3}`, or `["train.epochs=3"]`.
        name: of the sweep; by default the job's name, `sweep` and a number.
        runs: the folder of run folders.
        start_from: a run with whose newest weights each trial begins.
        stop_early: train all trials for some epochs, and only the best third of them further.
        address: of a Ray cluster; by default one is started for each trial.
        watch: see `Watch`.

    Raises:
        DistnetError: the user can fix it; nothing has begun, or what has begun can be resumed.
    """
    folder = make_sweep(
        Path(job),
        settings,
        Path(runs),
        name,
        stop_early=stop_early,
        sets=as_texts(overrides),
        workers=workers,
        inline=inline,
        start_from=None if start_from is None else str(Path(start_from).resolve()),
    )
    try:
        return Sweep(folder).resume(address=address, watch=watch)
    except DistnetError:
        if not any(holds_run(folder.run(trial)) for trial in folder.trials):
            folder.remove()
        raise


def open_sweep(reference: str | Path, runs: str | Path = "runs") -> Sweep:
    """Open a sweep by its name below `runs`, or by its folder.

    Raises:
        RunError: there is none, or its record is damaged.
    """
    return Sweep(find_sweep(str(reference), Path(runs)))
