"""What a network has learned beyond its first layer, as figures for the report.

A map of embeddings: what the last layer takes, of some samples, on the two axes along which they
differ most. Feature maps: what layers in the middle and at the end make of one image.

Source: Pearson 1901, "On lines and planes of closest fit to systems of points in space" (principal
components). Unlike t-SNE and UMAP they have no settings, and distances on the map are distances.

Letters: n samples, d numbers of an embedding, C channels.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from distnet.run_folder.figures import Figure, Images, Scatter, Series
from distnet.tasks.task import NETWORK, Networks, shadows_of
from distnet.train.compute.evaluate import Evaluator
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.trainee import Trainee

NUM_EMBEDDED = 400
LARGEST_EMBEDDING = 4096
"""d, from which on the components take seconds."""
MOST_CLASSES = 11
"""With a colour of their own; all others share one."""
OTHERS = "other classes"
NUM_MAPS = 16
FEATURE_MAPS = ("feature_maps_middle", "feature_maps_last")
"""Names of arrays in `pictures.npz`."""


@torch.no_grad()
def learned_figures(
    trainee: Trainee, evaluator: Evaluator | None, arrays: dict[str, NDArray[Any]]
) -> list[Figure]:
    """Show embeddings and feature maps; those that the network, or the data, does not have, not."""
    data = trainee.data
    if evaluator is None or data is None or not {"x", "y"} <= data.fields.keys():
        return []
    networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
    networks[NETWORK].eval()
    try:
        return [
            *_embeddings(trainee, evaluator, networks),
            *_feature_maps(trainee, evaluator, networks, arrays),
        ]
    except Exception:  # a network may refuse a single sample, and no figure is worth a run
        return []
    finally:
        networks[NETWORK].train()


def _embeddings(trainee: Trainee, evaluator: Evaluator, networks: Networks) -> Iterator[Figure]:
    assert trainee.data is not None
    classes = trainee.data.y.classes
    layers = [m for m in networks[NETWORK].modules() if isinstance(m, nn.Linear)]
    if not classes or not layers or layers[-1].out_features != len(classes):
        return
    num, labels = min(NUM_EMBEDDED, evaluator.feed.length), []
    with _watched(layers[-1], is_input=True) as seen:
        size = trainee.job.evaluate.batch_size
        for start in range(0, num, size):
            batch = evaluator.take(start, min(start + size, num), networks)
            trainee.task.measure(networks, evaluator.prepare(batch))
            labels += batch.tensor("y").tolist()
    if not seen or not all(part.ndim == 2 for part in seen):
        return
    found = torch.cat(seen)
    if len(found) != num or not 2 <= found.shape[1] <= LARGEST_EMBEDDING:
        return
    yield from _map(found.double(), [classes[label] for label in labels], classes)


def _map(embeddings: Tensor, names: Sequence[str], classes: Sequence[str]) -> Iterator[Figure]:
    """Draw embeddings [n, d] of samples whose classes have these names, in the order of classes."""
    centred = embeddings - embeddings.mean(0)
    spread = float(centred.square().sum())
    if not 0 < spread < float("inf") or len(centred) < 3:
        return
    _, sizes, axes = torch.linalg.svd(centred, full_matrices=False)
    points = (centred @ axes[:2].T).numpy()
    shares = sizes[:2].square() / spread
    common = [name for name, _ in Counter(names).most_common(MOST_CLASSES)]
    shown = np.array([name if name in common else OTHERS for name in names])
    series = [
        Series(name, *(tuple(column) for column in points[shown == name].T.tolist()))
        for name in (*sorted(common, key=classes.index), OTHERS)
        if name in shown
    ]
    first, second = (f"component {i} ({s:.0%} of the variance)" for i, s in enumerate(shares, 1))
    title = f"Embeddings of {len(names)} samples, before the last layer"
    yield Scatter(title, first, second, tuple(series))


def _feature_maps(
    trainee: Trainee,
    evaluator: Evaluator,
    networks: Networks,
    arrays: dict[str, NDArray[Any]],
) -> Iterator[Figure]:
    """Show what two convolutions make of the first sample: one in the middle, and the last one."""
    layers = [
        (name, module)
        for name, module in networks[NETWORK].named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    if len(layers) < 2:
        return
    chosen = dict.fromkeys((len(layers) // 2, len(layers) - 1))
    for array, index in zip(FEATURE_MAPS[-len(chosen) :], chosen, strict=True):
        name, module = layers[index]
        with _watched(module, is_input=False) as seen:
            batch = evaluator.take(0, 1, networks)
            trainee.task.measure(networks, evaluator.prepare(batch))
        for maps in islice(seen, 1):  # a layer may be used several times
            if maps.ndim == 4:
                arrays[array] = maps[0, :NUM_MAPS, None].numpy()
                yield Images(f"Feature maps of {name}, of the first sample", array)


@contextmanager
def _watched(module: nn.Module, *, is_input: bool) -> Iterator[list[Tensor]]:
    """Keep what a module takes, or what it makes, while it is inside."""
    seen: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        value = inputs[0] if is_input and inputs else output
        if isinstance(value, Tensor):
            seen.append(value.detach().to("cpu", torch.float32))

    handle = module.register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()
