"""Whether a dataset is what a network was trained on."""

import warnings
from pathlib import Path

from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest, read_manifest
from distnet.errors import DataError, DataWarning
from distnet.spec.plural import listed
from distnet.trained.as_learned import check_classes, check_columns

MOST_NAMES = 20  # of classes, in messages


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
        has, needs = (other.kind, other.shape), (field.kind, field.shape)
        if has != needs:
            raise DataError(
                f"{dataset}: its {what} are {_plain(has)}, but the network was trained on "
                f"{_plain(needs)}; {_remedy(other, field)}"
            )
        _check_tokens(dataset, other, field)
        check_columns(dataset, other, field)
        check_classes(dataset, other, field)


def _check_tokens(dataset: Path, found: Field, learned: Field) -> None:
    """The same index must be the same token.

    Raises:
        DataError: the field has other tokens.
    """
    has, needs = (getattr(field, "vocabulary", ()) for field in (found, learned))
    if has != needs:
        other = sorted(map(repr, set(has) ^ set(needs)))
        found_in_one = f"only one of them has {listed(other, MOST_NAMES)}" if other else "in order"
        raise DataError(
            f"{dataset}: its {len(has)} tokens differ from the {len(needs)} that the network was "
            f"trained on ({found_in_one}); give a dataset of the same tokens"
        )


def _remedy(found: Field, learned: Field) -> str:
    if found.kind == "image" and learned.kind == "image" and len(learned.shape) == 3:
        channels, height, width = learned.shape
        colours = {1: " --colours grey", 3: " --colours rgb"}.get(channels, "")
        return f"import it with --size {height}x{width}{colours}"
    return "give a dataset of the same kind"


def _plain(value: tuple[object, ...]) -> str:
    return listed([list(v) if isinstance(v, tuple) else v for v in value], MOST_NAMES)
