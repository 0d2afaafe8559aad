"""The last evaluation of a run: `evaluation.json`, and the arrays of `pictures.npz`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from distnet.errors import RunError
from distnet.run_folder.record_kinds import Metrics, Number, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

Outcome = str | float | list[float] | dict[str, float]
"""The name of a class, or the numbers of a regression."""


class ClassScore(Record):
    """How well one class is told from the others."""

    name: str = Field(alias="class", coerce_numbers_to_str=True)
    precision: Number
    recall: Number
    f1: Number
    num_samples: int = 0


class Mistake(Record):
    """One of the samples with the largest loss: class names, or the numbers of a regression."""

    index: int
    loss: Number
    predicted: Outcome
    actual: Outcome
    probability: Number | None = None


class Evaluation(Record):
    """Everything measured on one split at one step."""

    split: str = "test"
    step: int = 0
    num_samples: int = 0
    task: str = ""
    score_name: str = ""
    metrics: Metrics = {}
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    """[actual][predicted]: how many samples."""
    per_class: tuple[ClassScore, ...] = ()
    per_target: tuple[dict[str, Any], ...] = ()
    worst: tuple[Mistake, ...] = ()

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """(actual, predicted, samples) of each pair of classes taken for another, most first."""
        pairs = [
            (self.classes[actual], self.classes[predicted], count)
            for actual, row in enumerate(self.confusion)
            for predicted, count in enumerate(row)
            if actual != predicted and count
        ]
        return sorted(pairs, key=lambda pair: -pair[2])


@dataclass(frozen=True)
class Pictures:
    """Arrays to draw, where the run has them."""

    worst: "NDArray[Any] | None" = None
    """uint8 [k, C, H, W], in the order of the evaluation's worst mistakes."""
    first_layer: "NDArray[Any] | None" = None
    """float32 [n, C, H, W]."""


def read_evaluation(path: Path) -> Evaluation | None:
    """Read `evaluation.json`; None where nothing was evaluated yet.

    Raises:
        RunError: the file cannot be read or is damaged.
    """
    try:
        evaluation = Evaluation.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise _damaged(path, f"at {key or 'the top'}: {first['msg']}") from None
    sizes = {len(evaluation.confusion), *map(len, evaluation.confusion)}
    if evaluation.confusion and sizes != {len(evaluation.classes)}:
        raise _damaged(
            path, f"at confusion: expected {len(evaluation.classes)} rows and columns, one a class"
        )
    return evaluation


def read_pictures(path: Path) -> Pictures:
    """Read `pictures.npz`; nothing in it is needed.

    Raises:
        RunError: the file cannot be read or is damaged.
    """
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in ("worst", "first_layer") if name in arrays}
    except FileNotFoundError:
        return Pictures()
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, f"({error})") from None
    for name, array in found.items():
        _check_shape(path, name, array.shape)
    return Pictures(**found)


def _check_shape(path: Path, name: str, shape: Sequence[int]) -> None:
    if len(shape) != 4:
        raise _damaged(path, f"at {name}: expected 4 axes [n, C, H, W], found {list(shape)}")


def _damaged(path: Path, what: str) -> RunError:
    return RunError(f"{path}: damaged {what}; delete the file to go on without it")
