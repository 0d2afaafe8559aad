"""The last evaluation in full, and the arrays that the report draws."""

import json
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.trainee import Trainee

FIRST_LAYER_IMAGES = 64


def write_portrait(folder: RunFolder, trainee: Trainee, evaluation: Evaluation, step: int) -> None:
    """Write evaluation.json and pictures.npz, each whole or not at all."""
    worst, images = _worst(trainee, evaluation)
    facts = {
        "split": trainee.job.evaluate.split,
        "step": step,
        "num_samples": evaluation.num_samples,
        "task": trainee.job.task.kind,
        "score_name": trainee.task.score_name,
        "metrics": evaluation.metrics,
        **evaluation.details,
        "worst": worst,
    }
    write_whole(folder.evaluation, json.dumps(facts, indent=2).encode())
    arrays = {"worst": images, "first_layer": _first_layer(trainee)}
    _write_arrays(folder.pictures, {k: v for k, v in arrays.items() if v is not None})


def _worst(
    trainee: Trainee, evaluation: Evaluation
) -> tuple[list[dict[str, Any]], np.ndarray | None]:
    """The worst samples with what was predicted; of a classification only the mistakes."""
    assert trainee.evaluator is not None
    entries, images = [], []
    for index, loss, output in evaluation.worst:
        x, y = trainee.evaluator.samples.take(0, index, index + 1)
        said, actual = trainee.task.prediction(output.float()), _actual(trainee, y[0])
        predicted = said.get("class", said.get("value"))
        if predicted == actual:
            continue
        entry = {"index": index, "loss": loss, "predicted": predicted, "actual": actual}
        entries.append(entry | {"probability": said.get("probability")})
        images.append(x[0].numpy())
    is_image = trainee.manifest.x.kind == "image" and images
    return entries, np.stack(images) if is_image else None


def _actual(trainee: Trainee, target: Tensor) -> Any:
    if trainee.manifest.y.kind == "class":
        return trainee.manifest.y.classes[int(target)]
    return target.tolist()


def _first_layer(trainee: Trainee) -> np.ndarray | None:
    """Weights of the first layer that have the shape of images: [n, C, H, W]."""
    shape = trainee.manifest.x.shape
    for module in trainee.flat.network.modules():
        if isinstance(module, nn.Conv2d):
            return _as_array(module.weight)
        if isinstance(module, nn.Linear):
            if len(shape) == 3 and module.in_features == prod(shape):
                return _as_array(module.weight.view(-1, *shape))
            return None
    return None


def _as_array(weight: Tensor) -> np.ndarray:
    array: np.ndarray = weight[:FIRST_LAYER_IMAGES].detach().to("cpu", torch.float32).numpy()
    return array


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    data = BytesIO()
    np.savez_compressed(data, **arrays)  # type: ignore[arg-type]
    write_whole(path, data.getvalue())
