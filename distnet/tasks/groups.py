"""The mean of a score for each class of another field, such as the speaker of a recording.

Letters: n samples, G classes of the field.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Table
from distnet.spec.metric import Metric


class Groups:
    """The classes of a field, for each of which a metric is stated.

    Raises:
        ValueError: the dataset has no such field of classes.
    """

    def __init__(self, data: Manifest, name: str) -> None:
        field = data.fields.get(name)
        if field is None or field.kind != "class":
            fields = ", ".join(f"{n} ({f.kind})" for n, f in data.fields.items())
            raise ValueError(
                f"by: found {name!r}, expected a field of classes; {data.name!r} has {fields}"
            )
        self.name, self.classes = name, field.classes

    @property
    def num_sums(self) -> int:
        """2 G."""
        return 2 * len(self.classes)

    def sums(self, batch: Batch, scores: Tensor) -> Tensor:
        """The samples of each class and the sum of their scores [n], float64 [2 G].

        A sample of none of the classes, as data imported like other data may have, has index -1.
        """
        indices = batch.tensor(self.name)
        members = F.one_hot(indices + 1, len(self.classes) + 1).double()[:, 1:]
        return torch.cat([members.sum(0), (members * scores[:, None]).sum(0)])

    def table(self, sums: Tensor, metric: Metric) -> Table:
        """The metric for each class that has samples, from its sums [2 G]."""
        counts, scores = (part.tolist() for part in sums.chunk(2))
        rows = tuple(
            (name, score / count, round(count))
            for name, score, count in zip(self.classes, scores, counts, strict=True)
            if count
        )
        columns = (self.name, metric.name, "samples")
        title = f"{metric.name.capitalize()} by {self.name}"
        return Table(title, columns, rows, ("number", metric.format, "number"))
