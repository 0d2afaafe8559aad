"""Run folders of versions before metrics were declared and figures were values.

They name one metric of the task in `evaluation.json` (`score_name`), hold classes, counts and
scores as keys of their own, and declare no metrics in the record of an attempt.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from distnet.run_folder.figures import Confusion, Dots, Figure, Images, Table
from distnet.run_folder.worst_samples import Sample, worst_figures
from distnet.spec.metric import LOSS, Format, Metric

PERCENT = ("accuracy", "macro_f1")
COLUMNS = ("precision", "recall", "f1")
FORMATS: tuple[Format, ...] = ("number", "percent", "percent", "percent", "number")


def old_metrics(names: Iterable[str]) -> tuple[Metric, ...]:
    """Declare the metrics that an old run has recorded, in the order of their names."""
    return tuple(_metric(name) for name in dict.fromkeys(names) if name != LOSS.name)


def is_old_evaluation(facts: dict[str, Any]) -> bool:
    """Whether `evaluation.json` was written before figures were values."""
    return "figures" not in facts


def updated_evaluation(facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Turn the old form of `evaluation.json` into today's; `folder` is that of the run."""
    headline = [facts["score_name"]] if facts.get("score_name") else []
    declared = old_metrics([*headline, *facts.get("metrics", {})])
    arrays = _array_names(folder / "pictures.npz")
    figures = [*_classes(facts), *_targets(facts), *_worst(facts, arrays)]
    if "first_layer" in arrays:
        figures.append(Images("First-layer weights", "first_layer"))
    return {**facts, "declared": declared, "figures": [figure.to_dict() for figure in figures]}


def _metric(name: str) -> Metric:
    if name in PERCENT or (name.startswith("top") and name[3:].isdecimal()):
        return Metric(name, "percent", "higher")
    return Metric(name, direction="higher" if name == "r2" else "lower")


def _classes(facts: dict[str, Any]) -> list[Figure]:
    if not facts.get("confusion"):
        return []
    scores = facts["per_class"]
    weakest = sorted(scores, key=lambda row: row["f1"])
    names = tuple(row["class"] for row in weakest)
    series = {name: tuple(row[name] for row in weakest) for name in COLUMNS}
    keys = ("class", *COLUMNS, "num_samples")
    rows = tuple(tuple(row[key] for key in keys) for row in scores)
    return [
        Confusion("Confusion matrix", tuple(map(str, facts["classes"])), facts["confusion"]),
        Dots("Scores by class", "class", names, series, "percent"),
        Table("Each class", ("class", *COLUMNS, "samples"), rows, FORMATS),
    ]


def _targets(facts: dict[str, Any]) -> list[Figure]:
    rows = facts.get("per_target")
    if not rows:
        return []
    return [Table("Each target", tuple(rows[0]), tuple(tuple(row.values()) for row in rows))]


def _worst(facts: dict[str, Any], arrays: set[str]) -> list[Figure]:
    samples = [Sample(**entry) for entry in facts.get("worst", [])]
    return worst_figures(samples, "worst" if "worst" in arrays else "")


def _array_names(path: Path) -> set[str]:
    try:
        with ZipFile(path) as file:
            return {name.removesuffix(".npy") for name in file.namelist()}
    except (OSError, BadZipFile):
        return set()
