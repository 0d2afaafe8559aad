"""All figures of a run that there are values for."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from distnet.report.classes import draw_class_scores, draw_confusion
from distnet.report.curves import (
    draw_gradient_norm,
    draw_learning_rate,
    draw_loss,
    draw_score,
    draw_throughput,
    score_title,
)
from distnet.report.evaluation import Pictures
from distnet.report.run import Run
from distnet.report.samples import draw_first_layer, draw_mistakes, draw_worst_numbers


@dataclass(frozen=True)
class Drawing:
    """A figure with the name of its file, and what it shows for those who cannot see it."""

    name: str
    alt: str
    figure: Figure


def draw_all(run: Run, pictures: Pictures) -> dict[str, Drawing]:
    """Draw every figure that the run has values for, by name, in the order of the page."""
    drawings = [*_curves(run), *_evaluation(run, pictures)]
    if pictures.first_layer is not None and len(pictures.first_layer):
        figure = draw_first_layer(pictures.first_layer)
        alt = "Weights into each neuron of the first layer, as images"
        drawings.append(Drawing("first-layer", alt, figure))
    return {drawing.name: drawing for drawing in drawings}


def _curves(run: Run) -> Iterator[Drawing]:
    history, score_name = run.history, run.score_name
    if history.steps or history.epochs:
        yield Drawing("loss", "Loss over the steps of training", draw_loss(history))
        if score_name:
            title = score_title(score_name)
            yield Drawing("score", f"{title} over the steps", draw_score(history, score_name))
    if np.isfinite([epoch.samples_per_second for epoch in history.epochs]).any():
        yield Drawing("throughput", "Samples a second of each epoch", draw_throughput(history))
    if np.isfinite([step.learning_rate for step in history.steps]).any():
        figure = draw_learning_rate(history)
        yield Drawing("learning-rate", "Learning rate over the steps", figure)
    if np.isfinite([step.gradient_norm for step in history.steps]).any():
        figure = draw_gradient_norm(history)
        yield Drawing("gradient-norm", "Length of the gradient over the steps", figure)


def _evaluation(run: Run, pictures: Pictures) -> Iterator[Drawing]:
    evaluation = run.evaluation
    if evaluation is None:
        return
    if evaluation.confusion:
        alt = "How many samples of each class were taken for which class"
        yield Drawing("confusion", alt, draw_confusion(evaluation))
    if evaluation.per_class:
        alt = "Precision, recall and F1 of each class"
        yield Drawing("class-scores", alt, draw_class_scores(evaluation))
    if evaluation.worst and pictures.worst is not None and len(pictures.worst):
        alt = "The samples with the largest loss, with actual and predicted class"
        yield Drawing("worst-mistakes", alt, draw_mistakes(evaluation, pictures.worst))
    if evaluation.worst and not isinstance(evaluation.worst[0].actual, str):
        alt = "Predicted against actual numbers of the samples with the largest loss"
        yield Drawing("worst-predictions", alt, draw_worst_numbers(evaluation))
