"""The last evaluation in full: `evaluation.json`."""

from pathlib import Path
from typing import Any

from pydantic import InstanceOf, ValidationError
from pydantic_core import to_json

from distnet.errors import RunError
from distnet.run_folder.figures import Figure, figure_from_dict
from distnet.run_folder.old_folders import is_old_evaluation, updated_evaluation
from distnet.run_folder.read import read_object
from distnet.run_folder.records.kinds import Declared, Metrics, Record
from distnet.spec.reading.validation import first_damage


class EvaluationRecord(Record):
    """Everything that was measured on one split at one step."""

    split: str = "test"
    step: int = 0
    num_samples: int = 0
    task: str = ""
    """The kind of the task, as in the job file."""
    metrics: Metrics = {}
    declared: Declared = ()
    """The metrics that the task declares, the headline metric first."""
    figures: tuple[InstanceOf[Figure], ...] = ()
    unknown_kinds: tuple[str, ...] = ()
    """Kinds of figures that were left out: a newer version wrote them."""

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as a JSON object."""
        facts = self.model_dump(exclude={"declared", "figures", "unknown_kinds"})
        declared = [metric.to_dict() for metric in self.declared]
        return {**facts, "declared": declared, "figures": [one.to_dict() for one in self.figures]}

    def to_json(self) -> bytes:
        """The text of `evaluation.json`; numbers that are not finite are null."""
        return to_json(self.to_dict(), indent=2, inf_nan_mode="null")


def read_evaluation(path: Path) -> EvaluationRecord | None:
    """Read `evaluation.json`; None where nothing was evaluated yet.

    Raises:
        RunError: the file cannot be read or is damaged.
    """
    facts = read_object(path)
    if not facts:
        return None
    try:
        if is_old_evaluation(facts):
            facts = updated_evaluation(facts, path.parent)
        return EvaluationRecord.model_validate(facts | _read_figures(facts.get("figures", [])))
    except ValidationError as error:
        problem = first_damage(error)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        problem = str(error)
    raise RunError(f"{path}: damaged at {problem}; delete the file to continue without it")


def _read_figures(entries: list[dict[str, Any]]) -> dict[str, Any]:
    figures, unknown = [], []
    for index, facts in enumerate(entries):
        figure = _read_figure(index, facts)
        if figure is None:
            unknown.append(str(facts.get("kind")))
        else:
            figures.append(figure)
    return {"figures": tuple(figures), "unknown_kinds": tuple(unknown)}


def _read_figure(index: int, facts: dict[str, Any]) -> Figure | None:
    try:
        return figure_from_dict(facts)
    except ValidationError as error:
        raise ValueError(first_damage(error, "figures", index)) from None
