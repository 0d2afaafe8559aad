"""What a run leaves for its report: the last evaluation in full, and the arrays of its figures."""

import json
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.run_folder.figures import Figure, Images, Table
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole
from distnet.spec.metric import LOSS
from distnet.tasks.task import shadows_of
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.trainee import Trainee
from distnet.train.feed import DatasetEvaluationFeed

FIRST_LAYER_IMAGES = 64
WORST, FIRST_LAYER = "worst", "first_layer"
Arrays = dict[str, np.ndarray]


def write_artifacts(folder: RunFolder, trainee: Trainee, evaluation: Evaluation, step: int) -> None:
    """Write evaluation.json and pictures.npz, each whole or not at all."""
    arrays: Arrays = {}
    figures = [*evaluation.summary.figures, *_worst(trainee, evaluation, arrays)]
    figures += _first_layer(trainee, arrays)
    facts = {
        "split": trainee.job.evaluate.split,
        "step": step,
        "num_samples": evaluation.num_samples,
        "task": trainee.job.task.kind,
        "metrics": evaluation.metrics,
        "declared": [metric.to_dict() for metric in trainee.task.metrics],
        "figures": [figure.to_dict() for figure in figures],
    }
    write_whole(folder.evaluation, json.dumps(facts, indent=2).encode())
    data = BytesIO()
    np.savez_compressed(data, **arrays)  # type: ignore[arg-type]
    write_whole(folder.pictures, data.getvalue())


@torch.no_grad()
def _worst(trainee: Trainee, evaluation: Evaluation, arrays: Arrays) -> list[Figure]:
    """The samples with the largest losses that were not predicted right."""
    evaluator, data = trainee.evaluator, trainee.data
    if evaluator is None or data is None or not isinstance(evaluator.feed, DatasetEvaluationFeed):
        return []
    networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
    networks["network"].eval()
    rows, images = [], []
    for index, loss in evaluation.worst:
        batch = evaluator.feed.take(index, index + 1, networks)
        (prediction,) = trainee.task.predict(networks, evaluator.prepare(batch))
        row = _row(trainee, batch, prediction)
        if row["predicted"] != row["actual"]:
            rows.append({"sample": index, LOSS.name: loss, **row})
            images.append(batch.tensor("x")[0].numpy())
    networks["network"].train()
    if not rows:
        return []
    title = "The worst mistakes"
    if data.x.kind == "image":
        arrays[WORST] = np.stack(images)
        return [Images(title, WORST, tuple(map(_caption, rows)))]
    cells = tuple(tuple(map(_cell, row.values())) for row in rows)
    return [Table(title, tuple(rows[0]), cells)]


def _row(trainee: Trainee, batch: Batch, prediction: dict[str, Any]) -> dict[str, Any]:
    """What was predicted for a sample, how surely, and what it is."""
    predicted = prediction.get("class", prediction.get("value"))
    row = {"predicted": predicted, "actual": _actual(trainee, batch)}
    if "probability" in prediction:
        row["probability"] = prediction["probability"]
    return row


def _actual(trainee: Trainee, batch: Batch) -> Any:
    assert trainee.data is not None
    target = batch.tensor("y")[0]
    if trainee.data.y.kind == "class":
        return trainee.data.y.classes[int(target)]
    return target.tolist()


def _caption(row: dict[str, Any]) -> str:
    sure = f" ({row['probability']:.0%})" if "probability" in row else ""
    return f"{_cell(row['predicted'])}{sure}\nis {_cell(row['actual'])}"


def _cell(value: Any) -> str | int | float | None:
    if isinstance(value, list):
        return ", ".join(f"{number:.4g}" for number in value)
    return value  # type: ignore[no-any-return]


def _first_layer(trainee: Trainee, arrays: Arrays) -> list[Figure]:
    """Weights of the first layer that have the shape of images: [n, C, H, W]."""
    weights = _image_weights(trainee)
    if weights is None:
        return []
    arrays[FIRST_LAYER] = weights[:FIRST_LAYER_IMAGES].detach().to("cpu", torch.float32).numpy()
    return [Images("Weights of the first layer", FIRST_LAYER)]


def _image_weights(trainee: Trainee) -> Tensor | None:
    shape = trainee.data.x.shape if trainee.data is not None else ()
    for module in trainee.flat.network.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight
        if isinstance(module, nn.Linear):
            is_of_images = len(shape) == 3 and module.in_features == prod(shape)
            return module.weight.view(-1, *shape) if is_of_images else None
    return None
