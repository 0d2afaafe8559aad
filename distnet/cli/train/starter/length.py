"""How long to train, on how many workers, and what is kept: sections of every first job file."""

import os
from dataclasses import dataclass
from math import ceil, log2

from distnet.data.evaluation_split import DEFAULT_SPLIT, VALIDATION, default_split
from distnet.data.manifest import Manifest

USUAL_SLICES = 4
LEAST_OF_SLICE = 2  # samples, as batch normalisation needs
MOST_EPOCHS, LEAST_EPOCHS = 100, 5
LEAST_TO_CHOOSE_BY = 200
"""Samples for validation; with fewer, chance decides which epoch is the best."""
PATIENT = 3
"""A third of the epochs: with one-cycle the best weights come late."""


@dataclass(frozen=True)
class Length:
    """How much is trained, and in which parts."""

    epochs: int
    batch_size: int
    slices: int
    workers: int


def length_of(
    num_samples: int, batch_size: int, good_steps: int, *, is_light: bool = False
) -> Length:
    """The length of a training with about `good_steps` updates, on all cores of this machine.

    A slice has two samples or more, so that small batches keep some cores idle. Where the work of a
    step is light, more workers would take longer to start than one takes to train.

    Args:
        num_samples: of an epoch.
        batch_size: as it should be; more if a slice would have less than two samples.
        good_steps: after which such a network has usually learned what there is.
        is_light: whether a step takes less than a millisecond.
    """
    cores = 1 if is_light else num_cores()
    slices = min(max(USUAL_SLICES, cores), max(USUAL_SLICES, batch_size // LEAST_OF_SLICE))
    slices = slices if num_samples >= LEAST_OF_SLICE * slices else 1
    batch_size = max(LEAST_OF_SLICE * slices, batch_size)
    steps_per_epoch = max(1, num_samples // batch_size)
    epochs = min(MOST_EPOCHS, max(LEAST_EPOCHS, round(good_steps / steps_per_epoch)))
    return Length(epochs, batch_size, slices, min(cores, slices))


def batch_size_of(num_samples: int) -> int:
    """About 50 batches an epoch, of 16 to 256 samples."""
    return int(2 ** min(8, max(4, round(log2(max(num_samples, 1) / 50)))))


def num_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_chosen_apart(manifest: Manifest) -> bool:
    """Whether there are enough samples to choose by that are not the test."""
    split = default_split(list(manifest.splits))
    is_enough = split is not None and manifest.splits[split].num_samples >= LEAST_TO_CHOOSE_BY
    return split in VALIDATION and (is_enough or "x" not in manifest.fields)


def train_section(
    length: Length, manifest: Manifest, *, one: str = "sample", passes: str = "", more: str = ""
) -> str:
    """Write the section `train`.

    Args:
        length: of the training.
        manifest: of the dataset.
        one: what a sample is called.
        passes: over what an epoch goes.
        more: other keys, as lines.
    """
    return f"""\
# How long to train. A batch is cut into slices, which the workers share: the result is the same
# on any number of workers up to the number of slices.
train:
  epochs: {length.epochs:<16} # passes over {passes or f"all training {one}s"}
  batch_size: {length.batch_size:<12} # {one}s of one step, over all workers
  slices: {length.slices}
{more}\
{_early_stopping(length.epochs, manifest)}\
  seed: 0                  # of the initial weights and the order of the {one}s
"""


def _early_stopping(epochs: int, manifest: Manifest) -> str:
    if not is_chosen_apart(manifest) or epochs <= LEAST_EPOCHS:
        return ""
    patience = max(LEAST_EPOCHS, ceil(epochs / PATIENT))
    return f"""\
  early_stopping:
    patience: {patience:<12} # end after so many evaluations without a better one
"""


def resources_section(length: Length) -> str:
    """Write the section `resources`."""
    why = "as many as this machine has cores"
    if length.workers < num_cores():
        why = "more would take longer to start"
        why = why if length.workers == 1 else "as many as there are slices"
    return f"""\
# The workers. Each is a process with its own CPU core, or a GPU (gpus: 1).
resources:
  workers: {length.workers:<15} # {why}
"""


def checkpoint_section(manifest: Manifest) -> str:
    """Write the section `checkpoint`: the best weights are kept where nothing is lost by that."""
    if is_chosen_apart(manifest):
        return """\
# What is kept beside the newest weights. What predict and export use are the best ones.
checkpoint:
  keep_best: 1             # by the headline metric
"""
    split = default_split(list(manifest.splits))
    if split in VALIDATION:
        return f"""\
# Nothing is chosen by {split}: of fewer than {LEAST_TO_CHOOSE_BY} samples, chance would decide
# which weights are the best, and when to stop. The weights of the last step are the result.
"""
    if split != DEFAULT_SPLIT:
        return ""
    return """\
# To stop early and to keep the best weights, import the data again with --validation-fraction 0.1
# and write this file anew: what is chosen by the test would make its figure too good.
"""
