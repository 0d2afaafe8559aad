"""Check and convert what the methods of a user's own task return.

Numbers of NumPy and torch become plain ones. Everything else that the contract does not know is
refused, with class, method, what it returned and what is expected: before it is written to a file
that nobody can read again.

Letters: n samples, m sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from distnet.errors import PartError
from distnet.run_folder.figures import KINDS, Figure, Images
from distnet.spec.code.own_errors import described, refusal
from distnet.spec.metric import Direction, Format, Metric
from distnet.spec.reading.validation import first_damage
from distnet.tasks.task import Loss, Measured, Phase, Shown, Summary

PREDICTION = 'a dict such as {"class": "7", "probability": 0.98}'
ARRAY = "a NumPy array of numbers, [n, C, H, W] or [n, H, W]"
TAKEN_ARRAYS = ("worst", "first_layer", "feature_maps_middle", "feature_maps_last")
"""The names of the arrays that distnet itself adds to `pictures.npz`."""

ADDED_KEYS = ("file", "row", "input")
"""What `distnet predict` adds to a prediction."""


def plain(value: Any) -> Any:
    """Convert to text, numbers, and lists and dicts of them; arrays and tensors become lists.

    Raises:
        TypeError: it is something else.
    """
    match value:
        case Tensor():
            return plain(value.detach().cpu().tolist())
        case np.ndarray() | np.generic():
            return plain(value.tolist())
        case Mapping():
            return {_key(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
    return _plain_number_or_text(value)


def checked_metrics(task: object, metrics: Any) -> tuple[Metric, ...]:
    """The declared metrics."""
    what = f"{type(task).__name__}.metrics"
    if not isinstance(metrics, list | tuple) or not all(isinstance(m, Metric) for m in metrics):
        raise PartError(
            f'{what}: found {described(metrics)}, expected a tuple such as (Metric("error"),)'
        )
    for metric in metrics:
        if metric.format not in get_args(Format) or metric.direction not in get_args(Direction):
            raise PartError(
                f"{what}: found {metric}, expected the format percent or number and the direction "
                "higher or lower"
            )
    checked_names(what, [metric.name for metric in metrics])
    return tuple(metrics)


def checked_names(what: str, names: Any, reserved: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of metrics, which must not be those of other facts in the same records."""
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise PartError(f'{what}: found {described(names)}, expected a tuple such as ("error",)')
    if not all(name.strip() for name in names):
        raise PartError(f"{what}: found an empty name, expected one that can be shown")
    taken = [name for name in names if name in reserved]
    if taken:
        others = ", ".join(reserved)
        raise PartError(f"{what}: found {taken[0]}, expected a name other than {others}")
    if len(set(names)) < len(names):
        raise PartError(f"{what}: found {', '.join(names)}, expected distinct names")
    return tuple(names)


def checked_loss(task: object, loss: Any, phase: Phase, num_samples: int) -> Loss:
    """What `loss` returned for n samples."""
    if not isinstance(loss, Loss):
        raise refusal(task, "loss", loss, "Loss(values), of distnet.tasks.task")
    values, weights = loss.values, loss.weights
    if not isinstance(values, Tensor) or not values.is_floating_point():
        raise refusal(task, "loss", values, "Loss.values as a tensor of floats")
    if weights is None and values.ndim and values.shape != (num_samples,):
        raise refusal(
            task,
            "loss",
            values,
            f"Loss.values as one number, or one a sample [{num_samples}]; other shapes need "
            "Loss.weights",
        )
    if weights is not None and (
        not isinstance(weights, Tensor) or weights.shape not in (values.shape, ())
    ):
        raise refusal(task, "loss", weights, f"Loss.weights as a tensor {list(values.shape)}")
    missing = [name for name in phase.metrics if name not in loss.metrics]
    if missing:
        expected = f"those of the phase {phase.name}: {', '.join(phase.metrics)}"
        raise refusal(task, "loss", loss.metrics, f"as Loss.metrics {expected}")
    for name in phase.metrics:
        _require_pair(task, name, loss.metrics[name])
    return loss


def checked_losses(task: object, method: str, losses: Any, num_samples: int) -> Tensor:
    """A float for each of n samples."""
    is_tensor = isinstance(losses, Tensor) and losses.is_floating_point()
    if not is_tensor or losses.shape != (num_samples,):
        mean = "" if getattr(losses, "ndim", 1) else ' (with reduction="none")'
        expected = f"a tensor of floats, one for each sample [{num_samples}]{mean}"
        raise refusal(task, method, losses, expected)
    found: Tensor = losses
    return found


def checked_scores(
    task: object, scores: Any, names: Sequence[str], num_samples: int
) -> dict[str, Tensor]:
    """The training metrics of each of n samples."""
    if not isinstance(scores, Mapping) or not set(names) <= scores.keys():
        raise refusal(task, "scores", scores, f"a dict of the training metrics {', '.join(names)}")
    for name in names:
        value = scores[name]
        if not isinstance(value, Tensor) or value.shape != (num_samples,):
            expected = f"for {name} a tensor with one number for each sample [{num_samples}]"
            raise refusal(task, "scores", value, expected)
    return dict(scores)


def checked_sums(task: object, method: str, sums: Any) -> Tensor:
    """The sums of an evaluation, float64 [m]; a single number becomes [1]."""
    if not isinstance(sums, Tensor) or sums.ndim > 1 or sums.is_complex():
        raise refusal(task, method, sums, "the sums over the samples as a float64 tensor [m]")
    return sums.double().reshape(-1)


def checked_measured(task: object, found: Any, num_samples: int, *, collects: bool) -> Measured:
    """What `measure` returned for n samples."""
    if not isinstance(found, Measured):
        expected = "Measured(sums, values), of distnet.tasks.task"
        raise refusal(task, "measure", found, expected)
    if not isinstance(found.collected, bytes) or (found.collected and not collects):
        expected = "bytes as Measured.collected, and `collects = True` in the class"
        raise refusal(task, "measure", found.collected, expected)
    sums = checked_sums(task, "measure", found.sums)
    values = found.values
    if not isinstance(values, Tensor) or values.shape != (num_samples,):
        expected = f"Measured.values as a tensor with one number for each sample [{num_samples}]"
        raise refusal(task, "measure", values, expected)
    return Measured(sums, values, found.collected)


def checked_summary(task: object, summary: Any, declared: Sequence[Metric]) -> Summary:
    """What `summarise` returned, as plain values."""
    if not isinstance(summary, Summary) or not isinstance(summary.metrics, Mapping):
        raise refusal(task, "summarise", summary, "Summary(metrics), of distnet.tasks.task")
    missing = [metric.name for metric in declared if metric.name not in summary.metrics]
    if missing:
        expected = f"also the declared metrics {', '.join(missing)}"
        raise refusal(task, "summarise", summary.metrics, expected)
    metrics = {str(name): _number(task, name, v) for name, v in summary.metrics.items()}
    return Summary(metrics, *_drawn(task, "summarise", summary))


def checked_shown(task: object, shown: Any) -> Shown:
    """What `show` returned, as plain values."""
    if not isinstance(shown, Shown):
        raise refusal(task, "show", shown, "Shown(figures), of distnet.tasks.task")
    return Shown(*_drawn(task, "show", shown))


def checked_images(task: object, images: Any, num: int) -> Tensor:
    """What `sample` returned for n images."""
    is_pixels = isinstance(images, Tensor) and images.dtype == torch.uint8
    if not is_pixels or images.ndim != 4 or len(images) != num or images.shape[1] not in (1, 3):
        expected = f"a uint8 tensor of {num} images, [{num}, 1 or 3, height, width]"
        raise refusal(task, "sample", images, expected)
    found: Tensor = images
    return found


def checked_prediction(task: object, method: str, prediction: Any) -> dict[str, Any]:
    """One prediction, as plain values."""
    if not isinstance(prediction, Mapping):
        raise refusal(task, method, prediction, PREDICTION)
    taken = [name for name in ADDED_KEYS if name in prediction]
    if taken:
        raise refusal(task, method, prediction, f"other keys than {' and '.join(ADDED_KEYS)}")
    found = {}
    for name, value in prediction.items():
        try:
            found[_key(name)] = plain(value)
        except RecursionError:
            raise refusal(task, method, prediction, f"{name!r} without itself in it") from None
        except TypeError as error:
            expected = f"as {name!r} text or numbers, or lists and dicts of them; found {error}"
            raise refusal(task, method, value, expected) from None
    return found


def checked_predictions(task: object, predictions: Any, num_samples: int) -> list[dict[str, Any]]:
    """One prediction for each of n samples."""
    if not isinstance(predictions, list | tuple) or len(predictions) != num_samples:
        expected = f"a list of {num_samples}, for each sample {PREDICTION}"
        raise refusal(task, "predict", predictions, expected)
    return [checked_prediction(task, "predict", one) for one in predictions]


def _drawn(
    task: object, method: str, of: Summary | Shown
) -> tuple[tuple[Figure, ...], dict[str, Any]]:
    """The figures and arrays of what a task returned."""
    arrays = {str(name): _array(task, method, name, v) for name, v in of.arrays.items()}
    return tuple(_figure(task, method, figure, arrays) for figure in of.figures), arrays


def _plain_number_or_text(value: Any) -> Any:
    """Without the subclass that it may be of, as an enum is one of int."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    raise TypeError(described(value))


def _require_pair(task: object, name: str, pair: Any) -> None:
    numbers = Tensor | float | int | np.generic
    is_pair = isinstance(pair, list | tuple) and len(pair) == 2
    if not is_pair or not all(isinstance(each, numbers) for each in pair):
        raise refusal(task, "loss", pair, f"as Loss.metrics[{name!r}] a pair (sum, weight)")
    if any(isinstance(each, Tensor) and each.ndim for each in pair):
        raise refusal(task, "loss", pair, f"as Loss.metrics[{name!r}] two single numbers")


def _number(task: object, name: object, value: Any) -> float:
    is_number = isinstance(value, bool | int | float | np.generic | np.ndarray | Tensor)
    try:
        if is_number and getattr(value, "size", 1) != 0:
            return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        pass  # more than one number, or no number at all
    raise refusal(task, "summarise", value, f"as the metric {name} a number")


def _array(task: object, method: str, name: object, value: Any) -> NDArray[Any]:
    array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
    is_array = isinstance(array, np.ndarray) and array.dtype.kind in "biuf"
    if not is_array or array.ndim not in (3, 4) or name in TAKEN_ARRAYS:
        taken = f", under another name than {' and '.join(TAKEN_ARRAYS)}"
        raise refusal(task, method, value, f"as the array {name} {ARRAY}{taken}")
    found: NDArray[Any] = array
    return found


def _figure(task: object, method: str, figure: Any, arrays: Mapping[str, NDArray[Any]]) -> Figure:
    """A figure whose values can be written and read again."""
    if not isinstance(figure, Figure) or figure.kind not in KINDS:
        raise refusal(task, method, figure, f"figures of the kinds {', '.join(KINDS)}")
    named = {figure.array, figure.masks} - {""} if isinstance(figure, Images) else set()
    if named - arrays.keys():
        missing = ", ".join(sorted(named - arrays.keys()))
        expected = f"the arrays {missing}, which the figure {figure.title} names"
        raise refusal(task, method, arrays, expected)
    try:
        return KINDS[figure.kind].validate_python(plain(asdict(figure)))
    except TypeError as error:
        problem = f"{error} in it"
    except ValidationError as error:
        problem = f"{first_damage(error)}"
    raise refusal(task, method, figure, f"a figure of text and numbers: {problem}")


def _key(key: Any) -> str:
    """A key of a dict as text; JSON has no others."""
    if isinstance(key, str | int | float | np.generic):
        return str(key)
    raise TypeError(f"the key {described(key)}")
