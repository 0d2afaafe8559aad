"""The names of everything in a run folder: the one place that owns them."""

from dataclasses import dataclass
from pathlib import Path


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
        """What was going to happen: parameters, samples, steps, slices, memory."""
        return self.path / "plan.json"

    @property
    def environment(self) -> Path:
        """Versions, git commit, hardware, data manifest hash."""
        return self.path / "environment.json"

    @property
    def start(self) -> Path:
        """The weights that the run began with, if it went on from what another had learned."""
        return self.path / "start.safetensors"

    @property
    def metrics(self) -> Path:
        """One JSON object a line: attempts, steps, epochs, checkpoints, the end."""
        return self.path / "metrics.jsonl"

    @property
    def evaluation(self) -> Path:
        """The last evaluation in full: metrics, confusion, per class, worst mistakes."""
        return self.path / "evaluation.json"

    @property
    def pictures(self) -> Path:
        """Arrays to draw: `worst` and `first_layer`."""
        return self.path / "pictures.npz"

    @property
    def result(self) -> Path:
        """What `distnet run --json` prints."""
        return self.path / "result.json"

    @property
    def checkpoints(self) -> Path:
        """One folder a checkpoint."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """One file a worker."""
        return self.path / "logs"

    def worker_log(self, rank: int) -> Path:
        """What one worker printed."""
        return self.logs / f"worker-{rank}.log"

    @property
    def tensorboard(self) -> Path:
        """Event files."""
        return self.path / "tensorboard"

    @property
    def report(self) -> Path:
        """The self-contained page."""
        return self.path / "report.html"

    @property
    def figures(self) -> Path:
        """The figures of the report as PNG files."""
        return self.path / "figures"

    @property
    def stop(self) -> Path:
        """A file whose presence asks for a planned stop; its text says why: stop, resize, drain."""
        return self.path / "stop"

    @property
    def resize(self) -> Path:
        """A file that asks for another number of workers, as text."""
        return self.path / "resize"

    @property
    def fence(self) -> Path:
        """The number of the newest attempt, as text; an older one may write nothing any more."""
        return self.path / "fence"

    @property
    def heartbeats(self) -> Path:
        """One file a worker: where it is, see `train/heartbeat.py`."""
        return self.path / "heartbeats"

    def heartbeat(self, rank: int) -> Path:
        """The file of one worker."""
        return self.heartbeats / f"worker-{rank}"

    def node(self, rank: int) -> Path:
        """The id of the Ray node that a worker is on, as text."""
        return self.heartbeats / f"node-{rank}"

    @property
    def data_manifest(self) -> Path:
        """A copy of the dataset's manifest, so that the run can be used without the data."""
        return self.path / "data_manifest.json"
