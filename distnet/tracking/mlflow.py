"""MLflow, through its own client; its address and secrets are in the variables that it reads."""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import urlsplit, urlunsplit

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from distnet.run_folder.records.trackers import Tracked
from distnet.tracking.tracker import NotSetUpError, Point, TrackedRun

__all__ = ["MlflowTracker"]
ADDRESS, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""What waits longer is tried again here."""
MOST_METRICS, MOST_PARAMETERS, LONGEST = 1000, 100, 6000
"""The limits of one request."""
STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
FOREIGN = re.compile(r"[^\w./: -]", re.ASCII)
"""Characters that names of metrics and parameters cannot have."""


class MlflowTracker:
    """One run of an experiment, which has the name of the job.

    Raises:
        NotSetUpError: there is no address.
    """

    def __init__(self) -> None:
        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)
        self._address = os.environ.get(ADDRESS, "")
        if not self._address:
            raise NotSetUpError(f"{ADDRESS} is not set; set it to the address of the server")
        self._client = MlflowClient()
        self._run = ""

    def begin(self, run: TrackedRun, before: Tracked) -> Tracked:
        """Begin a run, or continue one."""
        if before.id:
            found = self._client.get_run(before.id)
            self._client.update_run(before.id, status="RUNNING")
        else:
            name = os.environ.get(EXPERIMENT, run.job)
            experiment = self._client.get_experiment_by_name(name)
            id_ = experiment.experiment_id if experiment else self._client.create_experiment(name)
            facts = {f"distnet.{key}": value for key, value in run.facts.items()}
            found = self._client.create_run(id_, run_name=run.name, tags=facts)
            self._log_parameters(found.info.run_id, run.parameters)
        self._run = found.info.run_id
        place = f"#/experiments/{found.info.experiment_id}/runs/{self._run}"
        return Tracked(self._run, f"{_shown(self._address)}/{place}", before.num_bytes)

    def is_up(self) -> bool:
        """Whether it knows the run."""
        try:
            self._client.get_run(self._run)
        except Exception:  # whatever the client raises
            return False
        return True

    def log(self, points: Sequence[Point]) -> None:
        """Send numbers."""
        metrics = (
            Metric(FOREIGN.sub("_", name), value, round(point.time * 1000), point.step)
            for point in points
            for name, value in point.values.items()
        )
        while some := list(islice(metrics, MOST_METRICS)):
            self._client.log_batch(self._run, metrics=some)

    def end(self, status: str) -> None:
        """End the run."""
        self._client.set_terminated(self._run, STATUS[status])

    def _log_parameters(self, run_id: str, parameters: dict[str, str]) -> None:
        for some in _chunks(parameters):
            self._client.log_batch(run_id, params=some)


def _chunks(parameters: dict[str, str]) -> Iterator[list[Param]]:
    left = (Param(FOREIGN.sub("_", key), text[:LONGEST]) for key, text in parameters.items())
    while some := list(islice(left, MOST_PARAMETERS)):
        yield some


def _shown(address: str) -> str:
    """The address without a name and a password in it."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
