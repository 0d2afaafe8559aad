"""A run as Python and notebooks have it: read from its folder, which may still change."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distnet.notebook.card import run_card
from distnet.notebook.frames import epochs_frame, logged_frame, steps_frame
from distnet.notebook.page import Report
from distnet.report.find import find_run
from distnet.report.measured import last_evaluated
from distnet.report.run import read_run
from distnet.report.summary import Status, status
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object

if TYPE_CHECKING:
    from pandas import DataFrame

    from distnet.notebook.drawings import Drawings, Figure
    from distnet.notebook.learned import Learned
    from distnet.trained.export import Exported
    from distnet.trained.load import Trained


Bring = Callable[[str | int | None], object]
"""Brings what a folder lacks of a checkpoint: `newest`, `best`, a step, or the default."""


def _brings_nothing(_: str | int | None) -> None:
    """A run of this machine has all of its checkpoints."""


@dataclass(frozen=True)
class Run:
    """A run that trains or has ended; each property reads its folder anew.

    In a notebook it shows its state, its headline metric and a small curve.
    """

    folder: RunFolder
    bring: Bring = field(default=_brings_nothing, repr=False, compare=False)
    """Called before weights are read: a copy of a server's job may not have them yet."""

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.folder.path.resolve().name

    @property
    def status(self) -> Status:
        """`running`, `finished`, `stopped`, `failed` or `interrupted`."""
        return status(read_run(self.folder))

    @property
    def metrics(self) -> dict[str, float]:
        """The last evaluation: `test_loss`, `test_accuracy`, ...; empty before the first."""
        ended: dict[str, float] = self.result.get("metrics", {})
        return ended or {one.key: one.value for one in last_evaluated(read_run(self.folder))}

    @property
    def result(self) -> dict[str, Any]:
        """What `distnet run --json` prints; empty where the last attempt did not end by itself."""
        return read_object(self.folder.result)

    @property
    def history(self) -> "DataFrame":
        """One row an epoch, with its training metrics and its evaluation.

        Raises:
            UnknownPartError: pandas is not installed.
        """
        return epochs_frame(read_run(self.folder).history)

    @property
    def steps(self) -> "DataFrame":
        """One row for each recorded step: about 2,000, each the mean since the one before.

        Raises:
            UnknownPartError: pandas is not installed.
        """
        return steps_frame(read_run(self.folder).history)

    @property
    def logged(self) -> "DataFrame":
        """One row for each step at which a callback has logged; a column for each name.

        Raises:
            UnknownPartError: pandas is not installed.
        """
        return logged_frame(read_run(self.folder).history)

    @property
    def figures(self) -> list[str]:
        """The names of its figures: `loss`, `accuracy`, `confusion-matrix`, ..."""
        return self._drawings.names

    def figure(self, name: str) -> "Figure":
        """Draw a figure of the report, which a notebook shows and `save` writes.

        Args:
            name: one of `figures`, or its title.

        Raises:
            RunError: there is no such figure; the message lists those that there are.
        """
        return self._drawings.figure(name)

    def report(self) -> Report:
        """Write the report page and its figures; a notebook shows the page.

        Raises:
            RunError: a file of the run is damaged, or the page cannot be written.
        """
        return self._drawings.report()

    def load(self, checkpoint: str | int | None = None) -> "Trained":
        """Load the trained network: quicker than `predict` for many calls.

        Args:
            checkpoint: whose weights: `newest`, `best`, or a step; by default as `distnet.load`.

        Raises:
            RunError, CheckpointError, StorageError: there are no such weights.
        """
        return self._learned.load(checkpoint)

    def predict(
        self, x: Any, *, checkpoint: str | int | None = None, **reading: Any
    ) -> list[dict[str, Any]]:
        """Predict samples: one object a sample, as `distnet predict --json` prints it.

        Args:
            x: a file or several, a text or several where the network learned from texts, or an
                array [n, ...] of samples as the dataset stores them.
            checkpoint: whose weights: `newest`, `best`, or a step; by default as `distnet.load`.
            reading: of files: `as_is`, `delimiter`, `decimal`, as of `distnet predict`.

        Raises:
            DistnetError: there are no such weights, or x is not what the network learned from.
        """
        return self._learned.predict(x, checkpoint, **reading)

    def evaluate(
        self, split: str | None = None, *, data: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Measure the network again, each sample once, as `distnet eval --json` prints it.

        Args:
            split: by default that of the job.
            data: a dataset's name or folder; by default the one it was trained on.
            options: `checkpoint`, as of `predict`; `progress`, called with samples done and all.

        Raises:
            DistnetError: the run or the data is missing, damaged, or they do not fit together.
        """
        return self._learned.evaluate(split=split, data=data, **options)

    def export(
        self,
        output: str | Path | None = None,
        *,
        formats: Sequence[str] = ("safetensors", "onnx"),
        checkpoint: str | int | None = None,
    ) -> "Exported":
        """Write the network as safetensors and as ONNX, which is compared with it first.

        Args:
            output: the folder of the files; by default `export` in the run folder.
            formats: any of `safetensors` and `onnx`.
            checkpoint: whose weights: `newest`, `best`, or a step; by default as `distnet.load`.

        Raises:
            DistnetError: there are no such weights, or they cannot be written so.
        """
        return self._learned.export(output, formats, checkpoint)

    def generate(self, prompt: str = "", **sampling: Any) -> Iterator[str]:
        """Yield the text with which the network continues a prompt, as it is made.

        Args:
            prompt: what the text follows; by default a line break.
            sampling: `tokens`, `temperature`, `top_k` and `seed`, as in `distnet.load`.

        Raises:
            RunError: the task makes no texts, or one of the arguments is impossible.
        """
        return self.load().generate(prompt, **sampling)

    def __repr__(self) -> str:
        """Name, status and metrics."""
        figures = ", ".join(f"{name} {value:.4g}" for name, value in self.metrics.items())
        return f"<Run {self.name}: {self.status}{f', {figures}' if figures else ''}>"

    def _repr_html_(self) -> str:
        return run_card(read_run(self.folder))

    @property
    def _drawings(self) -> "Drawings":
        # matplotlib takes a second to import, and training does not need it.
        from distnet.notebook.drawings import Drawings

        return Drawings(self.folder)

    @property
    def _learned(self) -> "Learned":
        # torch takes seconds to import, and a run is opened without it.
        from distnet.notebook.learned import Learned

        return Learned(self.folder, self.bring)


def folder_of(run: str | Path | Run, runs: str | Path) -> RunFolder:
    """Find the folder of a run by its name, its path, or as `latest`.

    Raises:
        RunError: there is no such run; the message suggests similar names.
    """
    return run.folder if isinstance(run, Run) else find_run(os.fspath(run), Path(runs))
