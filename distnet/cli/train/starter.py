"""The first job file for a dataset: task and network chosen by the data, every line explained."""

import json
import re
from collections.abc import Callable
from math import log2
from typing import NamedTuple

from distnet.cli.train import (
    starter_boxes,
    starter_masks,
    starter_sounds,
    starter_texts,
)
from distnet.cli.train.starter_boxes import has_boxes
from distnet.cli.train.starter_masks import has_masks
from distnet.cli.train.starter_sounds import has_sounds
from distnet.cli.train.starter_text import holds_text, text_sections
from distnet.cli.train.starter_texts import has_pairs, has_questions, has_stories, has_texts
from distnet.data.evaluation_split import DEFAULT_SPLIT, SET_ASIDE, VALIDATION
from distnet.data.manifest import Manifest
from distnet.spec.printable import argument, printable
from distnet.spec.reading.scalars import plain

SMALL_SIDE = 8  # pixels; below, three blocks of cnn would leave nothing of the image
GOOD_STEPS = 3000  # updates after which a small network has usually converged


class Kind(NamedTuple):
    """What is chosen for data of one kind."""

    fits: Callable[[Manifest], bool]
    network: str
    network_section: str = ""
    task: str = ""
    """Empty: decided by the target."""
    task_section: str = ""


KINDS = (
    Kind(has_boxes, "detector", starter_boxes.NETWORK, "detect", starter_boxes.TASK),
    Kind(has_masks, "unet", starter_masks.NETWORK, "segment", starter_masks.TASK),
    Kind(has_sounds, "crnn", starter_sounds.NETWORK),
    Kind(holds_text, "gpt", task="language-model"),
    Kind(
        has_pairs,
        "seq2seq-transformer",
        starter_texts.PAIRS_NETWORK,
        "translate",
        starter_texts.PAIRS_TASK,
    ),
    Kind(
        has_stories,
        "memory",
        starter_texts.STORIES_NETWORK,
        "classify",
        starter_texts.STORIES_TASK,
    ),
    Kind(has_texts, "lstm", starter_texts.NETWORK),
    Kind(
        has_questions,
        "reader",
        starter_texts.QUESTIONS_NETWORK,
        "answer",
        starter_texts.QUESTIONS_TASK,
    ),
)
"""The first one that fits counts; other data is images or vectors."""


def starter_job(manifest: Manifest, *, source: str, file: str) -> str:
    """Write the text of a commented job file.

    Args:
        manifest: of the dataset to learn from.
        source: the dataset as the job file names it.
        file: the name of the job file, for the commands in its comments.
    """
    if holds_text(manifest):
        learned = text_sections(manifest, _text(source))
    else:
        data = _data(manifest, source)
        learned = [_network(manifest), _task(manifest), data, OPTIMIZER, _train(manifest)]
    head = _head(manifest, source, file)
    return "\n".join([head, *learned, RESOURCES, _evaluate(manifest)])


def has_shipped_task(manifest: Manifest) -> bool:
    """Whether a shipped task and network learn from these fields."""
    kinds = {name: field.kind for name, field in manifest.fields.items()}
    is_known = kinds.get("x") in ("image", "vector") or has_texts(manifest)
    is_known = is_known and kinds.get("y") in ("class", "number")
    of_images = has_boxes(manifest) or has_masks(manifest)
    of_texts = has_pairs(manifest) or holds_text(manifest) or has_questions(manifest)
    return is_known or of_images or has_sounds(manifest) or of_texts


def choose_network(manifest: Manifest) -> str:
    """Choose by the fields: `detector`, `unet`, `crnn`, `gpt`, ...; `mlp` for others."""
    if kind := _kind(manifest):
        return kind.network
    is_image = manifest.x.kind == "image" and min(manifest.x.shape[1:]) >= SMALL_SIDE
    return "cnn" if is_image else "mlp"


def choose_task(manifest: Manifest) -> str:
    """Choose by the fields: `detect`, `segment`, ...; `classify` or `regress` by `y`."""
    kind = _kind(manifest)
    if kind and kind.task:
        return kind.task
    return "classify" if manifest.y.kind == "class" else "regress"


def _kind(manifest: Manifest) -> Kind | None:
    return next((kind for kind in KINDS if kind.fits(manifest)), None)


def _head(manifest: Manifest, source: str, file: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", manifest.name.lower()).strip("-")[:60].strip("-") or "job"
    return f"""\
# A job file: everything that one training needs. Keys left out have good defaults.
#   distnet check {argument(file)}   validates it and prints the plan, without training
#   distnet run {argument(file)}     trains, and writes a run folder with a report for the browser

# The name of the run folders: runs/{name}-1, runs/{name}-2, ...
name: {_text(name)}
"""


def _network(manifest: Manifest) -> str:
    if kind := _kind(manifest):
        return kind.network_section
    shape = " x ".join(map(str, manifest.x.shape))
    if choose_network(manifest) == "cnn":
        return f"""\
# The network. Convolutions find the same pattern anywhere in an image.
# Others: mlp (plain layers), resnet (larger images), or your own class as ./mynet.py:MyNet.
network:
  kind: cnn                # takes images of {shape} (channels x height x width)
  channels: [16, 32, 64]   # feature maps of each block; each block halves the image
  dropout: 0.25            # part of the neurons dropped at random; raise it against overfitting
"""
    return f"""\
# The network. Fully connected layers of neurons.
# Others: perceptron (a single layer), or your own class as ./mynet.py:MyNet.
network:
  kind: mlp                # takes {shape} numbers
  hidden: [64, 32]         # neurons of each hidden layer; more of them learn finer detail
  activation: relu
"""


def _task(manifest: Manifest) -> str:
    kind = _kind(manifest)
    if kind and kind.task:
        return kind.task_section
    if choose_task(manifest) == "classify":
        return f"""\
# The task: assign each sample to one of {len(manifest.y.classes)} classes.
task:
  kind: classify           # balanced: true helps classes with few samples
"""
    return """\
# The task: predict numbers.
task:
  kind: regress
  loss: mse                # huber is less sensitive to outliers
"""


def _data(manifest: Manifest, source: str) -> str:
    counts = {printable(name): split.num_samples for name, split in manifest.splits.items()}
    splits = ", ".join(f"{count:,} in {name}" for name, count in counts.items())
    text = f"""\
# The dataset: {splits}.
data:
  source: {_text(source)}
"""
    if has_sounds(manifest) or has_texts(manifest) or has_questions(manifest):
        return text
    text += NORMALISED
    if has_boxes(manifest):
        return text + starter_boxes.AUGMENT
    if has_masks(manifest):
        return text + starter_masks.parts_of_images(manifest)
    if choose_network(manifest) != "cnn":
        return text
    return f"""\
{text}  augment:                 # small random changes, so that no image is seen twice
    - {{kind: shift, pixels: 2}}
  # - {{kind: flip}}           # left to right; not for letters or digits
"""


NORMALISED = """\
  normalise: true          # scale all inputs to mean 0 and deviation 1, which speeds up learning
"""
OPTIMIZER = """\
# The optimizer. If the loss jumps or grows, lower the learning rate.
optimizer:
  kind: adamw              # or sgd, adam, lion
  learning_rate: 0.002

# The learning rate over the steps: one-cycle rises, then falls to 0. Or constant, cosine, step.
schedule:
  kind: one-cycle
"""


def _train(manifest: Manifest) -> str:
    if has_masks(manifest):
        return starter_masks.train(manifest)
    num_samples = manifest.splits["train"].num_samples
    slices = 4 if num_samples >= 8 else 1
    # About 50 batches an epoch; slices of two samples at the least, as batch norm needs.
    batch_size = max(2 * slices, 2 ** min(8, max(4, round(log2(max(num_samples, 1) / 50)))))
    steps_per_epoch = max(1, num_samples // batch_size)
    good_steps = starter_sounds.GOOD_STEPS if has_sounds(manifest) else GOOD_STEPS
    good_steps = starter_texts.GOOD_STEPS if has_texts(manifest) else good_steps
    good_steps = starter_texts.PAIRS_GOOD_STEPS if has_pairs(manifest) else good_steps
    good_steps = starter_texts.QUESTIONS_GOOD_STEPS if has_questions(manifest) else good_steps
    epochs = min(100, max(5, round(good_steps / steps_per_epoch)))
    return f"""\
# How long to train. A batch is cut into slices, which the workers share: the result is the same
# on any number of workers up to the number of slices.
train:
  epochs: {epochs:<16} # passes over all training samples
  batch_size: {batch_size:<12} # samples of one step, over all workers
  slices: {slices}
  seed: 0                  # of the initial weights and the order of the samples
"""


RESOURCES = """\
# The workers. Each is a process with its own CPU cores, or a GPU (gpus: 1).
resources:
  workers: 1               # or on the command line: --workers 2
"""


def _evaluate(manifest: Manifest) -> str:
    others = [name for name in manifest.splits if name != "train"]
    split = next((n for n in (DEFAULT_SPLIT, *VALIDATION, *others) if n in others), None)
    if split is None:
        return f"# There is no other split, so nothing is measured. Set one aside: {SET_ASIDE}\n"
    text = f"""\
# Evaluation on samples that are not trained on.
evaluate:
  split: {_text(split)}
  every_epochs: 1
"""
    text += starter_masks.EVALUATE if has_masks(manifest) else ""
    return text + starter_sounds.EVALUATION if has_sounds(manifest) else text


def _text(text: str) -> str:
    """Quote text that YAML would not read as itself."""
    is_plain = re.fullmatch(r"[\w./][\w./-]*", text) and isinstance(plain(text), str)
    return text if is_plain else json.dumps(text, ensure_ascii=False)
