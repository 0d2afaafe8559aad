"""The forecast of a step against its measurement, over links of 100 Mbit/s and 1 ms.

    python -m tests.bench.forecast [--turns 5] [--hosts 2,4] [--only mlp|cnn|wide] [--sum fast]
        [--json]

Hosts are network namespaces whose links have a TBF for the rate and a relay for the delay
(`slow_hosts.py`). Each has one worker, which trains with the loop and the exchange of a run. The
forecast is what `distnet forecast` prints, from the job as measured with as many busy processes:
all share the processors of this machine. Forecast and measurement take turns; printed are the
medians of each, and of the ratio turn by turn. Let nothing else run meanwhile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist

from distnet.data.shipped import find_dataset
from distnet.run_folder.workers.heartbeat import Heartbeat
from distnet.spec.read import read_job
from distnet.train.checkpoint.position import Position
from distnet.train.compute.trainee import build
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.loop import Loop
from tests.bench.slow_hosts import ROOT, SlowHost, slow_hosts

BITS_PER_S, DELAY_S = 100e6, 1e-3
WITHIN, LEAST_EXCHANGE = 0.20, 0.60
WARM_UP, WINDOWS = 6, 5
WINDOW_S = 1.0
LIMIT_S = 300
NETWORKS = {
    "mlp": "{kind: mlp, hidden: [256, 128]}",
    "cnn": "{kind: cnn, channels: [8, 16, 32], hidden: 640, batch_norm: false, dropout: 0.0}",
    "wide": "{kind: mlp, hidden: [512, 256]}",
}
"""Rows of 0.9 and 0.8 MB, which travel whole in one round; and of 2.1 MB, in stretches, in two."""
JOB = """
name: {name}
network: {network}
data: {{source: mnist}}
optimizer: {{kind: sgd, learning_rate: 0.01, momentum: 0.9}}
train: {{epochs: 10, batch_size: 32, slices: 4, sum: {sum}}}
"""


@dataclass(frozen=True)
class Case:
    """A job on some hosts, turn by turn; milliseconds."""

    name: str
    hosts: int
    predicted: list[float]
    measured: list[float]
    exchange: list[float]
    """The part of the step that is exchange, as predicted."""

    @property
    def ratio(self) -> float:
        """Predicted over measured: the median of the turns."""
        pairs = zip(self.predicted, self.measured, strict=True)
        return statistics.median(predicted / measured for predicted, measured in pairs)

    @property
    def is_met(self) -> bool:
        """Whether the forecast is near enough, of a step that is exchange for the most part."""
        return abs(self.ratio - 1) <= WITHIN and statistics.median(self.exchange) >= LEAST_EXCHANGE

    def __str__(self) -> str:
        figures = [statistics.median(each) for each in (self.predicted, self.measured)]
        return (
            f"{self.name:4} {self.hosts} hosts: predicted {figures[0]:7.1f} ms, measured "
            f"{figures[1]:7.1f} ms, ratio {self.ratio:.3f}, exchange "
            f"{statistics.median(self.exchange):.0%}: {'MET' if self.is_met else 'NOT MET'}"
        )


def compare(job: Path, name: str, num_hosts: int, turns: int) -> Case:
    """Predict and measure a job in turns."""
    case = Case(name, num_hosts, [], [], [])
    for turn in range(turns):
        row = predict(job, num_hosts)
        case.predicted.append(1000 * row["step_s"])
        case.exchange.append(row["exchange"]["seconds"] / row["step_s"])
        with slow_hosts(num_hosts, bits_per_s=BITS_PER_S, delay_s=DELAY_S) as hosts:
            case.measured.append(1000 * measure(job, hosts))
        report = f"predicted {case.predicted[-1]:.1f} ms, measured {case.measured[-1]:.1f} ms"
        print(f"  turn {turn + 1}: {report}", file=sys.stderr, flush=True)  # noqa: T201
    return case


def predict(job: Path, num_hosts: int) -> Any:
    """The row of `distnet forecast` for a worker on each host."""
    link = ["--bandwidth", f"{BITS_PER_S / 1e6:g}Mbit", "--latency", f"{DELAY_S * 1e3:g}ms"]
    count = str(num_hosts)
    words = ["forecast", str(job), *link, "--workers", count, "--busy", count, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "distnet.cli", *words],
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=LIMIT_S,
    )
    return json.loads(done.stdout)["rows"][0]


def measure(job: Path, hosts: Sequence[SlowHost]) -> float:
    """Seconds of a step with a worker on each host."""
    with TemporaryDirectory() as name:
        workers = [
            subprocess.Popen(
                host.command(
                    [sys.executable, "-m", "tests.bench.forecast", "--worker"]
                    + [str(job), str(rank), str(len(hosts)), name]
                ),
                cwd=ROOT,
                env=_environment() | {"GLOO_SOCKET_IFNAME": host.device},
            )
            for rank, host in enumerate(hosts)
        ]
        codes = [worker.wait(LIMIT_S) for worker in workers]
        assert codes == [0] * len(hosts), f"workers ended with {codes}"
        return float((Path(name) / "seconds").read_text())


def work(job_file: str, rank: int, size: int, folder: str) -> None:
    """Train as one worker; the first one writes the seconds of a step."""
    job, torch_store = read_job(job_file).job, f"file://{folder}/store"
    torch.set_num_threads(job.train.threads_per_slice)
    dist.init_process_group("gloo", init_method=torch_store, rank=rank, world_size=size)
    group = WorkerGroup(rank=rank, size=size, hosts=tuple(map(str, range(size))))
    trainee = build(job, find_dataset("mnist", folder=Path()), Path(), group, "fp32")
    log = Path(folder) / f"log-{rank}"
    with Heartbeat(Path(folder) / f"worker-{rank}", attempt=1, after_s=600, log=log) as heartbeat:
        loop = Loop(trainee, group, Position(), heartbeat)
        heartbeat.begin(0)
        seconds = _seconds_of_step(loop, WARM_UP)
        steps = max(3, round(WINDOW_S / seconds))
        count = torch.tensor([steps])
        dist.broadcast(count, 0)
        windows = [_seconds_of_step(loop, int(count)) for _ in range(WINDOWS)]
    if rank == 0:
        (Path(folder) / "seconds").write_text(str(statistics.median(windows)))
    trainee.close()
    dist.destroy_process_group()


def _seconds_of_step(loop: Loop, steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        loop.train_step()
    return (time.perf_counter() - began) / steps


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def main() -> None:
    """Compare all cases, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--hosts", default="2,4")
    parser.add_argument("--only", choices=NETWORKS)
    parser.add_argument("--sum", choices=("exact", "fast"), default="exact")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cases = []
    with TemporaryDirectory() as folder:
        for name, network in NETWORKS.items():
            if options.only in (None, name):
                job = Path(folder) / f"{name}.yaml"
                job.write_text(JOB.format(name=name, network=network, sum=options.sum))
                for hosts in map(int, options.hosts.split(",")):
                    cases.append(compare(job, name, hosts, options.turns))
                    print(cases[-1], flush=True)  # noqa: T201
    if options.json:
        facts = [asdict(case) | {"ratio": case.ratio, "is_met": case.is_met} for case in cases]
        print(json.dumps(facts))  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        main()
