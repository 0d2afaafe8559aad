"""The records of a run as pandas frames."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distnet.run_folder.records.history import History
from distnet.run_folder.records.kinds import Epoch, Step
from distnet.spec.extras import require_extra

if TYPE_CHECKING:
    from pandas import DataFrame


def epochs_frame(history: History) -> "DataFrame":
    """One row an epoch; its index is the number of the epoch, from 1.

    Columns: `step`, each metric as `train_loss` or `test_accuracy`, `samples_per_second`,
    `seconds` since its attempt began, `attempt`. Where nothing was measured there is NaN.

    Raises:
        UnknownPartError: pandas is not installed.
    """
    return _frame("run.history", "epoch", map(_epoch_row, history.epochs))


def steps_frame(history: History) -> "DataFrame":
    """One row for each recorded step; its index is the number of the step, from 1.

    Columns: `epoch`, the loss and the task's training metrics, `learning_rate`, `gradient_norm`,
    `samples_per_second`, `seconds` since its attempt began, `attempt`.

    Raises:
        UnknownPartError: pandas is not installed.
    """
    return _frame("run.steps", "step", map(_step_row, history.steps))


def logged_frame(history: History) -> "DataFrame":
    """One row for each step at which a callback has logged; its index is the step, from 1.

    Columns: each name that was logged. Where it was not there is NaN.

    Raises:
        UnknownPartError: pandas is not installed.
    """
    rows = ({"step": one.step, **one.logged} for one in history.logged)
    return _frame("run.logged", "step", rows)


def _frame(what: str, index: str, rows: Any) -> "DataFrame":
    pandas = require_extra("pandas", extra="notebook", what=what)
    listed = list(rows)
    columns = dict.fromkeys(name for row in listed for name in row) or {index: None}
    return pandas.DataFrame(listed, columns=list(columns)).set_index(index)


def _epoch_row(epoch: Epoch) -> Mapping[str, float]:
    splits = {"train": epoch.train, **epoch.evaluated}
    return {
        "epoch": epoch.epoch,
        "step": epoch.step,
        **{f"{s}_{name}": value for s, values in splits.items() for name, value in values.items()},
        "samples_per_second": epoch.samples_per_second,
        "seconds": epoch.seconds,
        "attempt": epoch.attempt,
    }


def _step_row(step: Step) -> Mapping[str, float]:
    return {
        "step": step.step,
        "epoch": step.epoch,
        **step.metrics,
        "learning_rate": step.learning_rate,
        "gradient_norm": step.gradient_norm,
        "samples_per_second": step.samples_per_second,
        "seconds": step.seconds,
        "attempt": step.attempt,
    }
