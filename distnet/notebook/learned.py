"""What a run has learned, used from Python."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distnet.data.column import RaggedArray
from distnet.errors import DataError
from distnet.notebook.run import Bring, Run, folder_of
from distnet.run_folder.paths import RunFolder
from distnet.train.compute.shadows import Use
from distnet.trained.evaluate import evaluate
from distnet.trained.export import Exported, export
from distnet.trained.load import Trained, load_trained
from distnet.trained.predict import predict, predict_texts


def load(
    run: str | Path | Run,
    *,
    checkpoint: str | int | None = None,
    use: Use = "export",
    runs: str | Path = "runs",
) -> Trained:
    """Load the network of a run.

    Args:
        run: its name, its folder, or `latest`.
        checkpoint: whose weights: `newest`, `best` by the job's `best_metric`, or a step; by
            default the best if the job keeps it (`checkpoint.keep_best`), else the newest.
        use: what for; a shadow may replace the network there.
        runs: the folder in which names are looked up.

    Raises:
        RunError: there is no run, or a file of it is missing or damaged.
        CheckpointError: there are no whole weights, or not those.
        StorageError: the store of the checkpoints does not answer.
        UnknownPartError: the user's own network or task is not where it was.
    """
    return load_trained(folder_of(run, runs).path, checkpoint=checkpoint, use=use)


@dataclass(frozen=True)
class Learned:
    """The network of a run, loaded at each use."""

    folder: RunFolder
    bring: Bring

    def load(self, checkpoint: str | int | None) -> Trained:
        """Load the network with the weights of a checkpoint."""
        self.bring(checkpoint)
        return load_trained(self.folder.path, checkpoint=checkpoint)

    def predict(self, x: Any, checkpoint: str | int | None, **reading: Any) -> list[dict[str, Any]]:
        """Predict files, texts, or an array of samples; see `Run.predict`.

        Raises:
            DataError: x is none of them, or not what the network learned from.
        """
        trained = self.load(checkpoint)
        if isinstance(x, RaggedArray):
            return trained.predict(x)
        named = [x] if isinstance(x, str | os.PathLike) else x
        if not isinstance(named, list | tuple) or not _are_names(named):
            return trained.predict(_samples(trained, x))
        if trained.inputs.kind == "tokens" and all(isinstance(one, str) for one in named):
            return predict_texts(trained, list(named))
        return predict(trained, map(Path, named), **reading)

    def evaluate(self, **options: Any) -> dict[str, Any]:
        """Measure the network; see `Run.evaluate`."""
        self.bring(options.get("checkpoint"))
        return evaluate(self.folder.path, **options)

    def export(
        self, output: str | Path | None, formats: Sequence[str], checkpoint: str | int | None
    ) -> Exported:
        """Write the network as files; see `Run.export`."""
        folder = None if output is None else Path(output)
        return export(self.load(checkpoint), output=folder, formats=formats)


def _are_names(x: Sequence[Any]) -> bool:
    return all(isinstance(one, str | os.PathLike) for one in x)


def _samples(trained: Trained, x: Any) -> np.ndarray[Any, Any]:
    """Check the shape of an array of samples.

    Raises:
        DataError: it has another one.
    """
    samples, shape = np.asarray(x), trained.inputs.shape
    if samples.dtype == object or (shape and samples.shape[1:] != shape):
        expected = ", ".join(map(str, ("n", *shape)))
        raise DataError(
            f"found samples of shape {list(samples.shape)}, expected an array [{expected}] of "
            f"{trained.inputs.dtype} as the dataset stores them, a file, or a list of files"
        )
    return samples
