"""What decides the weights of a run: its job and its data. A resumed run must have the same."""

import hashlib
import json
from pathlib import Path
from typing import Any

from distnet.data.manifest import read_manifest
from distnet.spec.sections.job import Job

NOT_DECISIVE: dict[str, Any] = {
    **dict.fromkeys(("name", "resources", "checkpoint", "evaluate", "retry", "queue"), True),
    **dict.fromkeys(("callbacks", "track"), True),
    "train": {  # these may change
        *("epochs", "steps", "on_nonfinite", "on_out_of_memory", "capture", "determinism"),
        "guard",
        "early_stopping",
    },
}
ADDED_KEYS: dict[str, Any] = {"decay": "weights", "no_decay": [], "groups": []}
"""Of optimizers: a job that has them at their defaults is the same as before there were any."""


def identity(job: Job, dataset: Path | None) -> dict[str, str]:
    """What decides the weights: the job without its name, machines and checkpoints; the data."""
    text = json.dumps(_decisive(job), sort_keys=True)
    return {
        "job_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "data_sha256": "" if dataset is None else read_manifest(dataset).sha256,
    }


def changed_keys(before: Job, after: Job) -> list[str]:
    """The keys that decide the weights and are not the same in two jobs, as `train.seed`."""
    one, other = _leaves(_decisive(before)), _leaves(_decisive(after))
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]


def _decisive(job: Job) -> dict[str, Any]:
    """The sections and keys that decide the weights, as plain values."""
    decisive = job.model_dump(mode="json", exclude=NOT_DECISIVE)
    decisive["slices"] = job.num_slices
    # What a job does not use is left out: it is then the same as before there was such a key.
    for key in ("players", "files", "packages", "env", "start"):
        if not decisive[key]:
            del decisive[key]
    for key in ("fold", "mix"):
        if decisive["data"][key] is None:
            del decisive["data"][key]
    if job.train.bits == "native":
        del decisive["train"]["bits"]
    if job.train.ema is None:
        del decisive["train"]["ema"]
    for optimizer in _optimizers(decisive):
        for key, default in ADDED_KEYS.items():
            if optimizer[key] == default:
                del optimizer[key]
    return decisive


def _leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Each value by its whole key; `slices` stands in for `train.slices` and the workers."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= _leaves(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    if not prefix:
        found.pop("train.slices", None)
        found["train.slices"] = found.pop("slices")
    return found


def _optimizers(decisive: dict[str, Any]) -> list[dict[str, Any]]:
    players = [player["optimizer"] for player in decisive.get("players", {}).values()]
    return [decisive["optimizer"], *(optimizer for optimizer in players if optimizer)]
