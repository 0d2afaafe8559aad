"""Whether a dataset is what a network was trained on."""

import warnings
from pathlib import Path

from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest, read_manifest
from distnet.errors import DataError, DataWarning
from distnet.trained.as_learned import check_classes, check_columns


def warn_of_other_data(run: Path, dataset: Path, learned: Manifest) -> None:
    """Warn if the dataset of a run has other samples now: the run may have learned some of them."""
    before, now = learned.sha256, read_manifest(dataset).sha256
    if before != now:
        text = (
            f"{dataset} has changed since {run.resolve().name} was trained on it (sha256 "
            f"{before[:12]} then, {now[:12]} now): what is measured are its present samples, and "
            "training may have used some of them"
        )
        warnings.warn(text, DataWarning, stacklevel=3)


def refuse_other_kind(dataset: Path, found: Manifest, learned: Manifest) -> None:
    """A network can be evaluated only on data of the kind that it was trained on.

    Args:
        dataset: for messages.
        found: what is to be evaluated, as it is stored or with the job's view.
        learned: the same of the training.

    Raises:
        DataError: this is of another kind.
    """
    names = {"x": "inputs", "y": "targets"}
    for name, field in learned.fields.items():
        other, what = found.fields.get(name), names.get(name, name)
        if other is None:
            raise DataError(
                f"{dataset}: it has no field {name}, which the network was trained on; it has: "
                f"{', '.join(found.fields)}"
            )
        differ = other.unlike(field)
        if differ is not None:
            has, needs = differ
            raise DataError(
                f"{dataset}: its {what} are {has}, but the network was trained on {needs}; "
                f"{_remedy(other, field, learned.name)}"
            )
        check_columns(dataset, other, field)
        check_classes(dataset, name, other, field)


def _remedy(found: Field, learned: Field, name: str) -> str:
    size = ""
    if found.kind != learned.kind or found.kind not in ("image", "mask", "tokens"):
        return "give a dataset of the same kind"
    if found.kind == "image" and len(learned.shape) == 3:
        channels, height, width = learned.shape
        colours = {1: " --colours grey", 3: " --colours rgb"}.get(channels, "")
        size = f"--size {height}x{width}{colours}, or with "
    return f"import it again with {size}--like and the dataset of the training, {name}"
