"""What a task is: the seam between the training loop and what is learned.

A task is constructed as `Task(data, **options)`, where `data` is the dataset's manifest and the
options are the keys of the job file's `task` section. A user's own task has the same members.

Letters: n samples, K outputs, m numbers kept by an evaluation.
"""

from typing import Any, Protocol

from torch import Tensor


class Task(Protocol):
    """What is learned: the loss, the metrics, and how to read an output."""

    num_outputs: int
    """K: the outputs that the network must have."""

    score_name: str
    """The metric that a progress line and a table of runs show first (`accuracy`, `mae`)."""

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each sample, [n], from outputs [n, K] and targets [n, ...]."""
        ...

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The score of each sample, [n]; the mean over samples is the metric `score_name`."""
        ...

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sums over the samples, float64 [m]; tallies of parts add up to that of the whole."""
        ...

    def metrics(self, tally: Tensor) -> dict[str, float]:
        """Named figures from a tally over all samples: at least `score_name`."""
        ...

    def details(self, tally: Tensor) -> dict[str, Any]:
        """Larger figures for `evaluation.json` (confusion matrix, per-class scores)."""
        ...

    def prediction(self, output: Tensor) -> dict[str, Any]:
        """What one output [K] says, for people: `{"class": "7", "probability": 0.98, ...}`."""
        ...
