"""Stop a run where it is compared with the other trials of its sweep."""

from typing import Any

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.requests import request_stop
from distnet.spec.halving import rung_epoch


class Rung:
    """Takes the records of a run; requests a planned stop at the first evaluation from a rung on.

    A run that ends there anyway is not stopped.

    Args:
        folder: of the run.
        part: of its epochs; 1 to let it end.
    """

    def __init__(self, folder: RunFolder, part: float) -> None:
        self._folder, self._part = folder, part
        self._num_epochs, self._split = 0.0, ""
        self.is_reached = False

    def __call__(self, record: dict[str, Any]) -> None:
        """Take in one record."""
        if record["kind"] == "attempt":
            self._num_epochs, self._split = record["num_epochs"], record["split"]
        if record["kind"] == "epoch" and self._part < 1.0 and not self.is_reached:
            is_far = record["epoch"] >= rung_epoch(self._num_epochs, self._part)
            is_last = record["epoch"] >= self._num_epochs
            if is_far and not is_last and self._split in record:
                self.is_reached = True
                request_stop(self._folder)
