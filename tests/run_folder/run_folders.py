"""Run folders as the trainer writes them, with made-up but plausible numbers."""

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np

from distnet.run_folder.figures import Confusion, Dots, Figure, Images, Table
from distnet.run_folder.worst_samples import Sample, worst_figures
from distnet.spec.metric import Metric

OLD = Path(__file__).parent / "old"
"""Recorded folders of an older version; see the README there."""
DIGITS = tuple("0123456789")
ACCURACY, TOP5 = Metric("accuracy", "percent", "higher"), Metric("top5", "percent", "higher")
MAE, RMSE = Metric("mae"), Metric("rmse")
STARTED = 1_790_000_000.0
JOB = """\
name: digits
network:
  kind: mlp
  hidden: [16, 16]
task:
  kind: classify
optimizer:
  kind: sgd
  learning_rate: {rate}
train:
  epochs: {epochs}
  batch_size: 64
  seed: {seed}
"""


def digits_run(
    folder: Path,
    *,
    epochs: int = 3,
    steps_per_epoch: int = 20,
    classes: tuple[str, ...] = DIGITS,
    seed: int = 0,
    rate: float = 0.1,
    started: float = STARTED,
) -> Path:
    """A finished classification of images."""
    begun_run(folder, epochs=epochs, steps_per_epoch=steps_per_epoch, seed=seed, rate=rate)
    lines = [attempt(1, workers=2, time=started)]
    lines += trained(1, range(1, epochs * steps_per_epoch + 1), steps_per_epoch, seed=seed)
    lines.append(end(1, "finished", epochs * steps_per_epoch))
    write_lines(folder, lines)
    write_evaluation(folder, classification(classes, seed=seed, step=epochs * steps_per_epoch))
    write_pictures(folder, seed=seed)
    write_result(folder, lines, seed=seed)
    return folder


def table_run(folder: Path) -> Path:
    """A finished regression on a table."""
    begun_run(folder, epochs=2, steps_per_epoch=20)
    lines = [attempt(1, metrics=(MAE, RMSE)), *trained(1, range(1, 41), 20, metric=MAE)]
    lines.append(end(1, "finished", 40))
    write_lines(folder, lines)
    write_evaluation(folder, regression())
    write_result(folder, lines)
    return folder


def failed_run(folder: Path) -> Path:
    """A run whose loss became NaN in the second epoch."""
    begun_run(folder, epochs=3, steps_per_epoch=20)
    lines = [attempt(1), *trained(1, range(1, 31), 20)]
    lines[-1] |= {"loss": math.nan, "gradient_norm": math.nan}
    write_lines(folder, [*lines, end(1, "failed", 30, error="the loss is NaN at step 30")])
    return folder


def resumed_run(folder: Path) -> Path:
    """A run killed at step 30 after a checkpoint at 25, then finished by 3 workers."""
    begun_run(folder, epochs=3, steps_per_epoch=20)
    lines = [attempt(1, workers=2), *trained(1, range(1, 31), 20, seed=1)]
    lines.append({"kind": "checkpoint", "attempt": 1, "step": 25, "folder": "checkpoints/step-25"})
    lines += [attempt(2, workers=3, step=25), *trained(2, range(26, 61), 20, seed=2)]
    write_lines(folder, [*lines, end(2, "finished", 60)])
    write_evaluation(folder, classification(DIGITS, step=60))
    return folder


def new_run(folder: Path) -> Path:
    """A run that has only just begun."""
    begun_run(folder, epochs=3, steps_per_epoch=20)
    write_lines(folder, [attempt(1, workers=2)])
    return folder


def begun_run(
    folder: Path, *, epochs: int, steps_per_epoch: int, seed: int = 0, rate: float = 0.1
) -> None:
    """What is written before the first step: job, plan and environment."""
    folder.mkdir(parents=True)
    (folder / "job.yaml").write_text(JOB.format(rate=rate, epochs=epochs, seed=seed))
    plan = {
        "name": "digits",
        "network": "mlp",
        "num_parameters": 13_002,
        "input_shape": [1, 28, 28],
        "num_outputs": 10,
        "train_samples": steps_per_epoch * 64,
        "eval_samples": 10_000,
        "epochs": float(epochs),
        "steps": epochs * steps_per_epoch,
        "steps_per_epoch": steps_per_epoch,
        "batch_size": 64,
        "slices": 4,
        "workers": 2,
        "slices_per_worker": [[0, 2], [2, 4]],
        "precision": "fp32",
        "device": "cpu",
        "data_in_memory": True,
        "memory_bytes": {"data": 54_950_000, "weights": 52_008, "total": 55_158_032},
        "writes": ["metrics.jsonl", "checkpoints/", "report.html"],
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    environment = {
        "distnet": "0.1.0",
        "python": "3.11.2",
        "torch": "2.15.0",
        "ray": None,
        "platform": "Linux-6.1-x86_64",
        "cpu": "a processor",
        "num_cpus": 2,
        "memory_bytes": 8_200_000_000,
        "gpus": [],
        "git_commit": "c95d4c5e0f",
        "data_sha256": "5f" * 32,
        "command": "distnet run jobs/digits.yaml --workers 2",
    }
    (folder / "environment.json").write_text(json.dumps(environment))


def attempt(
    number: int,
    *,
    workers: int = 1,
    step: int = 0,
    time: float = STARTED,
    metrics: tuple[Metric, ...] = (ACCURACY, TOP5),
    split: str = "test",
) -> dict[str, Any]:
    return {
        "kind": "attempt",
        "attempt": number,
        "cause": "start" if number == 1 else "lost_worker",
        "launch": "ray" if workers > 1 else "inline",
        "workers": workers,
        "slices": 4,
        "step": step,
        "time": time + 1000 * (number - 1),
        "metrics": [metric.to_dict() for metric in metrics],
        "split": split,
    }


def trained(
    number: int,
    steps: range,
    steps_per_epoch: int,
    *,
    metric: Metric = ACCURACY,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """The records of `steps`, and of every epoch that ends in them."""
    chance = random.Random(seed)
    lines: list[dict[str, Any]] = []
    for step in steps:
        progress = step / steps_per_epoch
        loss = 0.12 + 2.1 * math.exp(-2.2 * progress) * chance.uniform(0.8, 1.2)
        lines.append(
            {
                "kind": "step",
                "attempt": number,
                "step": step,
                "epoch": 1 + (step - 1) // steps_per_epoch,
                "loss": loss * chance.uniform(0.7, 1.3),
                metric.name: _measured(metric, loss),
                "learning_rate": 0.05 * (1 + math.cos(progress / 4)),
                "gradient_norm": loss * chance.uniform(0.8, 3.0),
                "samples_per_second": chance.uniform(90_000, 130_000),
                "seconds": 0.1 * (step - steps.start + 1),
            }
        )
        if step % steps_per_epoch == 0:
            lines += _epoch(number, step // steps_per_epoch, loss, metric, lines[-1])
    return lines


def end(number: int, status: str, step: int, *, error: str | None = None) -> dict[str, Any]:
    return {
        "kind": "end",
        "attempt": number,
        "status": status,
        "step": step,
        "seconds": 20.0,
        "error": error,
    }


def classification(classes: tuple[str, ...], *, seed: int = 0, step: int = 60) -> dict[str, Any]:
    confusion = confusion_of(classes, seed=seed)
    counts = np.array(confusion.counts)
    right, actual, predicted = np.diag(counts), counts.sum(1), counts.sum(0)
    scores = {"precision": right / predicted, "recall": right / actual}
    samples = [
        Sample(
            index=17 * i,
            loss=9.1 - i / 10,
            predicted=classes[i % len(classes)],
            actual=classes[(i + 1) % len(classes)],
            probability=0.999 - i / 100,
        )
        for i in range(20)
    ]
    figures = [
        confusion,
        Dots("Scores by class", "class", classes, _plain(scores), "percent"),
        Table(
            "Each class",
            ("class", *scores, "samples"),
            tuple(zip(classes, *_plain(scores).values(), actual.tolist(), strict=True)),
            ("number", "percent", "percent", "number"),
        ),
        *worst_figures(samples, "worst"),
        Images("First-layer weights", "first_layer"),
    ]
    metrics = {"loss": 0.19, "accuracy": float(right.sum() / counts.sum()), "top5": 0.998}
    return evaluation("classify", (ACCURACY, TOP5), metrics, figures, step=step)


def confusion_of(classes: tuple[str, ...], *, seed: int = 0) -> Confusion:
    chance = np.random.default_rng(seed)
    counts = chance.poisson(60 / len(classes), (len(classes), len(classes)))
    np.fill_diagonal(counts, chance.integers(880, 1000, len(classes)))
    return Confusion("Confusion matrix", classes, tuple(map(tuple, counts.tolist())))


def regression() -> dict[str, Any]:
    samples = [
        Sample(index=i, loss=4.0 - i / 9, predicted=10.5 + 3 * i, actual=12.5 + 2.5 * i)
        for i in range(16)
    ]
    rows = (("price", 0.31, 0.63),)
    figures = [Table("Each target", ("target", "mae", "rmse"), rows), *worst_figures(samples)]
    metrics = {"loss": 0.4, "mae": 0.31, "rmse": 0.63}
    return evaluation("regress", (MAE, RMSE), metrics, figures, step=40, num_samples=500)


def evaluation(
    task: str,
    declared: tuple[Metric, ...],
    metrics: dict[str, float],
    figures: list[Figure],
    *,
    step: int,
    num_samples: int = 10_000,
) -> dict[str, Any]:
    return {
        "split": "test",
        "step": step,
        "num_samples": num_samples,
        "task": task,
        "metrics": metrics,
        "declared": [metric.to_dict() for metric in declared],
        "figures": [figure.to_dict() for figure in figures],
    }


def write_lines(folder: Path, lines: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text)


def write_evaluation(folder: Path, evaluation: dict[str, Any]) -> None:
    (folder / "evaluation.json").write_text(json.dumps(evaluation))


def write_pictures(folder: Path, *, seed: int = 0) -> None:
    chance = np.random.default_rng(seed)
    np.savez(
        folder / "pictures.npz",
        worst=chance.integers(0, 256, (20, 1, 28, 28), dtype=np.uint8),
        first_layer=chance.normal(size=(16, 1, 28, 28)).astype(np.float32),
    )


def write_result(folder: Path, lines: list[dict[str, Any]], *, seed: int = 0) -> None:
    last = [line for line in lines if line["kind"] == "epoch"][-1]
    result = {
        "run": folder.name,
        "folder": str(folder),
        "status": "finished",
        "workers": lines[0]["workers"],
        "slices": 4,
        "steps": last["step"],
        "epochs": last["epoch"],
        "metrics": {f"test_{name}": value for name, value in last["test"].items()},
        "samples_per_second": 123_456.0 + 1000 * seed,
        "seconds": 20.0,
        "first_step_s": 2.5,
        "weights_sha256": f"{seed:064x}",
    }
    (folder / "result.json").write_text(json.dumps(result))


def _epoch(
    number: int, epoch: int, loss: float, metric: Metric, line: dict[str, Any]
) -> list[dict[str, Any]]:
    step = line["step"]
    return [
        {
            "kind": "epoch",
            "attempt": number,
            "epoch": epoch,
            "step": step,
            "train": {"loss": loss, metric.name: _measured(metric, loss)},
            "test": {"loss": loss * 1.08, metric.name: _measured(metric, loss * 1.08)},
            "samples_per_second": line["samples_per_second"],
            "seconds": line["seconds"],
        },
        {
            "kind": "checkpoint",
            "attempt": number,
            "step": step,
            "folder": f"checkpoints/step-{step:08d}",
            "seconds": 0.02,
        },
    ]


def _measured(metric: Metric, loss: float) -> float:
    return math.exp(-loss / 2) if metric.direction == "higher" else loss


def _plain(columns: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(values.tolist()) for name, values in columns.items()}
