"""The names of everything in a run folder; no other module knows them."""

import os
from dataclasses import dataclass
from pathlib import Path

WRITTEN = (
    "job.yaml",
    "plan.json",
    "environment.json",
    "data_manifest.json",
    "metrics.jsonl",
    "evaluation.json",
    "pictures.npz",
    "result.json",
    "checkpoints/",
    "tensorboard/",
    "logs/",
    "heartbeats/",
    "fence",
    "figures/",
    "report.html",
)
"""What a run writes, in the order in which a plan lists it."""


def shown(path: Path) -> Path:
    """The path relative to the current folder, where it is below that."""
    try:
        return path.relative_to(os.getcwd())
    except ValueError:
        return path


@dataclass(frozen=True)
class RunFolder:
    """The files of one run. The folder need not exist."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.path.name

    @property
    def job(self) -> Path:
        """The resolved job, as YAML."""
        return self.path / "job.yaml"

    @property
    def plan(self) -> Path:
        """What the run is going to do: parameters, samples, steps, slices, memory."""
        return self.path / "plan.json"

    @property
    def environment(self) -> Path:
        """Versions, git commit, hardware, data manifest hash."""
        return self.path / "environment.json"

    @property
    def code(self) -> Path:
        """Copies of the user's own code: see `code.py`."""
        return self.path / "code"

    @property
    def start(self) -> Path:
        """The weights that the run began with, if it took those of another run."""
        return self.path / "start.safetensors"

    @property
    def metrics(self) -> Path:
        """One JSON object per line: attempts, steps, epochs, checkpoints, the end."""
        return self.path / "metrics.jsonl"

    @property
    def evaluation(self) -> Path:
        """The last evaluation in full: metrics and figures."""
        return self.path / "evaluation.json"

    @property
    def pictures(self) -> Path:
        """The arrays that figures of images name."""
        return self.path / "pictures.npz"

    @property
    def result(self) -> Path:
        """What `distnet run --json` prints."""
        return self.path / "result.json"

    @property
    def checkpoints(self) -> Path:
        """One folder per checkpoint."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """One file per worker."""
        return self.path / "logs"

    def worker_log(self, rank: int) -> Path:
        """What one worker printed."""
        return self.logs / f"worker-{rank}.log"

    @property
    def tensorboard(self) -> Path:
        """Event files."""
        return self.path / "tensorboard"

    @property
    def trackers(self) -> Path:
        """What is known of the run in trackers: see `records/trackers.py`."""
        return self.path / "trackers"

    def tracker(self, kind: str) -> Path:
        """The file of one tracker."""
        return self.trackers / f"{kind}.json"

    @property
    def report(self) -> Path:
        """The self-contained HTML page."""
        return self.path / "report.html"

    @property
    def figures(self) -> Path:
        """The figures of the report as PNG files."""
        return self.path / "figures"

    @property
    def stop(self) -> Path:
        """Its presence requests a planned stop; its text is the reason: stop, resize or drain."""
        return self.path / "stop"

    @property
    def resize(self) -> Path:
        """Requests another number of workers, as text."""
        return self.path / "resize"

    @property
    def fence(self) -> Path:
        """The number of the newest attempt, as text; older attempts may no longer write."""
        return self.path / "fence"

    @property
    def heartbeats(self) -> Path:
        """One file per worker: see `heartbeat.py`."""
        return self.path / "heartbeats"

    def heartbeat(self, rank: int) -> Path:
        """The file of one worker."""
        return self.heartbeats / f"worker-{rank}"

    def node(self, rank: int) -> Path:
        """The id of the Ray node that a worker is on, as text."""
        return self.heartbeats / f"node-{rank}"

    def copied_log(self, rank: int) -> Path:
        """Where a worker that does not see this folder keeps its log on its node, as text."""
        return self.heartbeats / f"log-{rank}"

    @property
    def mark(self) -> Path:
        """What the workers of an attempt recognise the folder by: see `mark.py`."""
        return self.heartbeats / "mark"

    @property
    def fetched(self) -> Path:
        """Of a copy of a server's job: which one it is. See `copies/fetched.py`."""
        return self.path / "fetched.json"

    @property
    def owner(self) -> Path:
        """Of a run of a server's job: which one it is. See `owner.py`."""
        return self.path / "server.json"

    @property
    def data_manifest(self) -> Path:
        """A copy of the dataset's manifest, so that the run can be used without the data."""
        return self.path / "data_manifest.json"
