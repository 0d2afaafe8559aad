"""The first job file for a dataset: task and network chosen by the data, every line explained."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from distnet.cli.train.starter import boxes, masks, pictures, sounds, tables, texts
from distnet.cli.train.starter.boxes import has_boxes
from distnet.cli.train.starter.length import (
    Length,
    batch_size_of,
    checkpoint_section,
    is_chosen_apart,
    length_of,
    resources_section,
    train_section,
)
from distnet.cli.train.starter.masks import has_masks
from distnet.cli.train.starter.sounds import has_sounds
from distnet.cli.train.starter.text import holds_text, text_sections
from distnet.cli.train.starter.text import length as length_of_text
from distnet.cli.train.starter.texts import has_pairs, has_questions, has_stories, has_texts
from distnet.data.evaluation_split import DEFAULT_SPLIT, SET_ASIDE, VALIDATION, default_split
from distnet.data.manifest import Manifest
from distnet.spec.printable import argument, printable
from distnet.spec.reading.scalars import plain

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
    Kind(has_boxes, "detector", boxes.NETWORK, "detect", boxes.TASK),
    Kind(has_masks, "unet", masks.NETWORK, "segment", masks.TASK),
    Kind(has_sounds, "crnn", sounds.NETWORK),
    Kind(holds_text, "gpt", task="language-model"),
    Kind(
        has_pairs,
        "seq2seq-transformer",
        texts.PAIRS_NETWORK,
        "translate",
        texts.PAIRS_TASK,
    ),
    Kind(
        has_stories,
        "memory",
        texts.STORIES_NETWORK,
        "classify",
        texts.STORIES_TASK,
    ),
    Kind(has_texts, "lstm", texts.NETWORK),
    Kind(
        has_questions,
        "reader",
        texts.QUESTIONS_NETWORK,
        "answer",
        texts.QUESTIONS_TASK,
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
        length, learned = length_of_text(manifest), text_sections(manifest, _text(source))
    else:
        length, data = _length(manifest), _data(manifest, source)
        train = train_section(length, manifest)
        learned = [_network(manifest), _task(manifest), data, _optimizer(manifest), train]
    kept = [section] if (section := checkpoint_section(manifest)) else []
    head, resources = _head(manifest, source, file), resources_section(length)
    return "\n".join([head, *learned, resources, _evaluate(manifest), *kept])


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
    is_image = manifest.x.kind == "image" and min(manifest.x.shape[1:]) >= pictures.SMALL_SIDE
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
    is_image = choose_network(manifest) == "cnn"
    return pictures.network(manifest) if is_image else tables.network(manifest)


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
        return text + boxes.AUGMENT
    if has_masks(manifest):
        return text + masks.parts_of_images(manifest)
    if choose_network(manifest) != "cnn":
        return text
    return text + pictures.augment(manifest)


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


def _optimizer(manifest: Manifest) -> str:
    return tables.optimizer(manifest) if choose_network(manifest) == "mlp" else OPTIMIZER


def _length(manifest: Manifest) -> Length:
    if has_masks(manifest):
        return masks.length(manifest)
    network, num_samples = choose_network(manifest), manifest.splits["train"].num_samples
    if network in ("cnn", "mlp"):
        return pictures.length(manifest) if network == "cnn" else tables.length(manifest)
    good_steps = sounds.GOOD_STEPS if has_sounds(manifest) else GOOD_STEPS
    good_steps = texts.GOOD_STEPS if has_texts(manifest) else good_steps
    good_steps = texts.PAIRS_GOOD_STEPS if has_pairs(manifest) else good_steps
    good_steps = texts.QUESTIONS_GOOD_STEPS if has_questions(manifest) else good_steps
    return length_of(num_samples, batch_size_of(num_samples), good_steps)


def _evaluate(manifest: Manifest) -> str:
    others = [name for name in manifest.splits if name != "train"]
    split = default_split(others) or next(iter(others), None)
    if split is None:
        return f"# There is no other split, so nothing is measured. Set one aside: {SET_ASIDE}\n"
    final = DEFAULT_SPLIT if split in VALIDATION and DEFAULT_SPLIT in others else ""
    text = EVALUATED_TWICE if final else EVALUATED
    chosen = "the best weights and the end are chosen"
    chosen = chosen if is_chosen_apart(manifest) else "you may compare settings"
    text = text.format(split=_text(split), final=final, chosen=chosen)
    text += masks.EVALUATE if has_masks(manifest) else ""
    return text + sounds.EVALUATION if has_sounds(manifest) else text


EVALUATED = """\
# Evaluation on samples that are not trained on.
evaluate:
  split: {split}
  every_epochs: 1
"""
EVALUATED_TWICE = """\
# Evaluation on samples that are not trained on: on {split} after each epoch, by which
# {chosen}; on {final} once, at the end, which is the result.
evaluate:
  split: {split}
  final: {final}
  every_epochs: 1
"""


def _text(text: str) -> str:
    """Quote text that YAML would not read as itself."""
    is_plain = re.fullmatch(r"[\w./][\w./-]*", text) and isinstance(plain(text), str)
    return text if is_plain else json.dumps(text, ensure_ascii=False)
