"""What a run writes for its report: the last evaluation in full, and the arrays of its figures."""

from functools import partial
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from distnet.data.batch import Batch, Column, Ragged
from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest
from distnet.run_folder.evaluation import EvaluationRecord
from distnet.run_folder.figures import Figure, Images
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.worst_samples import Outcome, Sample, worst_figures
from distnet.run_folder.write import write_whole
from distnet.tasks.task import NETWORK, Networks, Shown, shadows_of
from distnet.train.compute.evaluate import Evaluation, Evaluator
from distnet.train.compute.generators import seed_generators
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.trainee import Trainee
from distnet.train.final import Final
from distnet.train.learned import learned_figures
from distnet.train.loop import Outcome as Ended

FIRST_LAYER_IMAGES = 64
WORST, FIRST_LAYER = "worst", "first_layer"
Arrays = dict[str, np.ndarray]
NUMBERS: TypeAdapter[Outcome] = TypeAdapter(float | list[float] | dict[str, float])


def write_artifacts(
    folder: RunFolder, trainee: Trainee, outcome: Ended, final: Final | None
) -> None:
    """Write evaluation.json and pictures.npz of the last evaluation, each whole or not at all."""
    evaluator, split = trainee.evaluator, trainee.split
    evaluation, step = outcome.evaluation, outcome.evaluated_at
    if final is not None:
        evaluator, split = trainee.final, final.split
        evaluation, step = final.evaluation, final.weights_step
    if evaluation is None:
        return
    arrays: Arrays = dict(evaluation.summary.arrays)
    figures = [*evaluation.summary.figures, *_worst(trainee, evaluator, evaluation, arrays)]
    figures += _shown(trainee, arrays)
    figures += _first_layer(trainee, arrays)
    figures += learned_figures(trainee, evaluator, arrays)
    record = EvaluationRecord(
        split=split,
        step=step,
        num_samples=evaluation.num_samples,
        task=trainee.job.task.kind,
        metrics=evaluation.metrics,
        declared=trainee.task.metrics,
        figures=tuple(figures),
    )
    data = BytesIO()
    np.savez_compressed(data, **arrays)  # type: ignore[arg-type]
    # First the arrays: a figure whose array is missing cannot be drawn.
    write_whole(folder.pictures, data.getvalue())
    write_whole(folder.evaluation, record.to_json())


@torch.no_grad()
def _shown(trainee: Trainee, arrays: Arrays) -> tuple[Figure, ...]:
    """Let the task show what the network makes."""
    show: Any = getattr(trainee.task, "show", None)
    if show is None:
        return ()
    networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
    for network in networks.values():
        network.eval()
    seed_generators(trainee.flat.vector.device, trainee.job.train.seed)
    shown: Shown = show(networks, partial(_first_samples, trainee, networks))
    networks[NETWORK].train()
    arrays.update(shown.arrays)
    return shown.figures


def _first_samples(trainee: Trainee, networks: Networks, num: int) -> tuple[Batch, Batch]:
    """The first samples that are evaluated: as stored, and as the network takes them."""
    assert trainee.evaluator is not None
    feed = trainee.evaluator.feed
    stored = feed.take(0, min(num, feed.length), networks)
    return stored, trainee.evaluator.prepare(stored)


@torch.no_grad()
def _worst(
    trainee: Trainee, evaluator: Evaluator | None, evaluation: Evaluation, arrays: Arrays
) -> list[Figure]:
    """Show the samples with the largest losses, except those that were predicted correctly."""
    data = trainee.data
    if evaluator is None or data is None or not {"x", "y"} <= data.fields.keys():
        return []
    networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
    networks[NETWORK].eval()
    samples, images = [], []
    for index, loss in evaluation.worst:
        batch = evaluator.feed.take(index, index + 1, networks)
        try:
            (prediction,) = trainee.task.predict(networks, evaluator.prepare(batch))
        except ValueError:  # of batch normalisation without running statistics
            break
        predicted = _predicted(data, prediction)
        if predicted is None:  # a task whose predictions are neither classes nor numbers
            break
        actual = _actual(data, batch)
        if predicted != actual:
            outcome = predicted, actual, _probability(prediction)
            samples.append(Sample(index, loss, *outcome, _caption(data.x, batch["x"])))
            images += [batch.tensor("x")[0].numpy()] if data.x.kind == "image" else []
    networks[NETWORK].train()
    if images:
        arrays[WORST] = np.stack(images)
    return worst_figures(samples, WORST if images else "")


def _caption(field: Field, column: Column) -> str:
    """The content of the only sample of a column, in a few words."""
    if not isinstance(column, Ragged):
        return ""
    return field.caption(column.values.cpu().numpy()) or ""


def _predicted(data: Manifest, prediction: dict[str, Any]) -> Outcome | None:
    """The class or the numbers of a prediction; None where it is something else."""
    named = prediction.get("class", prediction.get("values"))
    found = prediction.get("value") if named is None else named
    if data.y.kind == "class":
        return str(found) if found is not None and str(found) in data.y.classes else None
    if data.y.kind != "number":
        return None
    try:
        return NUMBERS.validate_python(found, strict=True)
    except ValidationError:
        return None


def _probability(prediction: dict[str, Any]) -> float | None:
    found = prediction.get("probability")
    return float(found) if isinstance(found, int | float) else None


def _actual(data: Manifest, batch: Batch) -> Outcome:
    target = batch.tensor("y")[0]
    if data.y.kind == "class":
        return data.y.classes[int(target)]
    numbers: Outcome = data.y.in_units(target.cpu().numpy()).tolist()
    return numbers


def _first_layer(trainee: Trainee, arrays: Arrays) -> list[Figure]:
    """Show the weights of the first layer where they have the shape of images, [n, C, H, W]."""
    weights = _image_weights(trainee)
    if weights is None:
        return []
    arrays[FIRST_LAYER] = weights[:FIRST_LAYER_IMAGES].detach().to("cpu", torch.float32).numpy()
    return [Images("First-layer weights", FIRST_LAYER)]


def _image_weights(trainee: Trainee) -> Tensor | None:
    fields = {} if trainee.data is None else trainee.data.fields
    shape = fields["x"].shape if "x" in fields else ()
    for module in trainee.flat.network.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight
        if isinstance(module, nn.Linear):
            is_of_images = len(shape) == 3 and module.in_features == prod(shape)
            return module.weight.reshape(-1, *shape) if is_of_images else None
    return None
