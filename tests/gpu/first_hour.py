"""What to run in the first hour on a GPU: bits, syncs, failures, speed beside DDP.

    python -m pytest -s tests/gpu/first_hour.py

No other test needs a GPU, and this file is not collected by itself. Without a GPU all of it is
skipped; without a second one, what needs two workers.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

import distnet
from distnet.errors import OutOfMemoryError, TrainingError
from distnet.run_folder.workers.heartbeat import Heartbeat
from distnet.spec.read import read_job_text
from distnet.spec.sections.job import Train
from distnet.train.checkpoint.position import Position
from distnet.train.compute.trainee import Trainee, build
from distnet.train.compute.turn import SliceId
from distnet.train.device.arithmetic import arithmetic, prepare_libraries
from distnet.train.device.device import count_gpus
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.loop import Loop
from tests.datasets import stripes
from tests.gpu import workloads
from tests.needs import GPU, TWO_GPUS
from tests.train.device.test_kernels import CASES, draw, gradient

__all__ = ["stripes"]

pytestmark = pytest.mark.skipif(not count_gpus(), reason=str(GPU))
DEVICE, STEPS, WARM_UP = "cuda:0", 30, 5
ATTENTION = f"{{kind: '{workloads.__file__}:Attention'}}"
NETWORKS = {
    "mlp": "{kind: mlp, hidden: [64, 64]}",
    "cnn": "{kind: cnn, channels: [8, 16], hidden: 32, batch_norm: true, dropout: 0.3}",
    "resnet": "{kind: resnet}",
    "attention": ATTENTION,
}
JOB = """
name: gpu
network: NETWORK
data: {source: STRIPES}
optimizer: {kind: adamw, learning_rate: 0.01}
train: {epochs: 3, batch_size: 48, slices: 4, seed: 3, precision: PRECISION}
RESOURCES
checkpoint: {every_steps: 5, keep: 100}
"""
RESOURCES = "resources: {gpus: 1}"
FAULTS = """
import torch
from torch import nn

class Greedy(nn.Linear):
    '''Needs more memory than there is.'''

    def __init__(self, input_shape, num_outputs):
        super().__init__(input_shape[1] * input_shape[2], num_outputs)

    def forward(self, x):
        if self.training and x.is_cuda:  # not where the plan tries it out
            torch.empty(2**50, device=x.device)
        return super().forward(x.flatten(1))

class OutOfRange(Greedy):
    '''Reads beyond a table.'''

    def forward(self, x):
        table = torch.zeros(4, device=x.device)
        bad = torch.full((len(x),), 10 * x.is_cuda, device=x.device)
        return nn.Linear.forward(self, x.flatten(1)) + table[bad][:, None]
"""


@pytest.fixture(autouse=True)
def libraries() -> Iterator[None]:
    prepare_libraries()
    yield
    torch.cuda.empty_cache()


def job_text(network: str, data: Path, precision: str = "fp32") -> str:
    text = JOB.replace("NETWORK", network).replace("STRIPES", str(data))
    return text.replace("PRECISION", precision).replace("RESOURCES", RESOURCES)


def train(text: str, folder: Path, name: str, **options: Any) -> dict[str, Any]:
    job = folder / f"{name}.yaml"
    job.write_text(text)
    options = {"inline": "workers" not in options, **options}
    return distnet.run(job, name=name, runs=folder / "runs", **options).result


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
def test_bits_are_the_same_when_repeated(
    network: str, precision: str, stripes: Path, tmp_path: Path
) -> None:
    text = job_text(network, stripes, precision)

    results = [train(text, tmp_path, name) for name in ("a", "b")]

    assert results[0]["weights_sha256"] == results[1]["weights_sha256"]


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
def test_bits_are_the_same_on_one_and_two_workers(
    network: str, stripes: Path, tmp_path: Path
) -> None:
    if count_gpus() < 2:
        TWO_GPUS.skip()
    text = job_text(network, stripes)

    one, two = train(text, tmp_path, "one"), train(text, tmp_path, "two", workers=2)

    assert one["weights_sha256"] == two["weights_sha256"]
    assert one["metrics"] == two["metrics"]


def test_bits_are_the_same_after_a_kill(stripes: Path, tmp_path: Path) -> None:
    text = job_text(NETWORKS["attention"], stripes)
    whole = train(text, tmp_path, "whole")
    code = (
        "import sys, distnet\nfrom tests.train.listeners import KillAtCheckpoint\n"
        "distnet.run(sys.argv[1], inline=True, name='killed', runs=sys.argv[2], "
        "listener=KillAtCheckpoint(2))"
    )
    runs = tmp_path / "runs"

    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "whole.yaml"), str(runs)], check=False
    )
    resumed = distnet.resume(runs / "killed", inline=True)

    assert killed.returncode == -9
    assert resumed.result["weights_sha256"] == whole["weights_sha256"]


@pytest.mark.parametrize(("compute", "shape"), CASES.values(), ids=CASES.keys())
def test_deterministic_kernels_agree_with_torchs(
    compute: Callable[[Tensor], Tensor], shape: tuple[int, ...]
) -> None:
    x = draw(*shape).float()
    expected = gradient(compute, x)

    with arithmetic(Train(), DEVICE, "fp32"):
        found = [gradient(compute, x.to(DEVICE)) for _ in range(2)]

    torch.testing.assert_close(tuple(t.cpu() for t in found[0]), expected)
    assert found[0][1].equal(found[1][1])


def test_memory_that_runs_out_is_reported_as_such(stripes: Path, tmp_path: Path) -> None:
    (tmp_path / "faults.py").write_text(FAULTS)
    text = job_text("{kind: ./faults.py:Greedy}", stripes)

    with pytest.raises(OutOfMemoryError, match="slice 0 .* did not fit in the memory of worker 0"):
        train(text + "retry: {out_of_memory: {times: 0}}\n", tmp_path, "greedy")


def test_index_out_of_range_is_the_users(stripes: Path, tmp_path: Path) -> None:
    """In a process of its own, whose GPU is lost afterwards."""
    (tmp_path / "faults.py").write_text(FAULTS)
    (tmp_path / "job.yaml").write_text(job_text("{kind: ./faults.py:OutOfRange}", stripes))
    words = ["run", str(tmp_path / "job.yaml"), "--inline", "--runs", str(tmp_path / "runs")]

    ended = subprocess.run(
        [sys.executable, "-m", "distnet.cli", *words], capture_output=True, text=True, check=False
    )

    assert ended.returncode == TrainingError.exit_code
    assert "an index was out of range on the GPU" in " ".join(ended.stderr.split())


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
def test_slice_waits_for_nothing(network: str, stripes: Path, tmp_path: Path) -> None:
    trainee = built(job_text(network, stripes), tmp_path, stripes)
    [turn] = trainee.turns_at(0)
    batch = trainee.feed.take(0, 0, 0, trainee.networks).to(DEVICE)
    row = next(iter(trainee.sums.values())).rows[0]
    with arithmetic(trainee.job.train, DEVICE, "fp32"):
        trainee.gradient.write(row, SliceId(turn, 0, 0), batch)  # libraries start
        torch.cuda.set_sync_debug_mode("error")
        try:
            trainee.gradient.write(row, SliceId(turn, 0, 0), batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    trainee.close()


@pytest.mark.parametrize(
    ("network", "task", "size"), [("ResNet50", "Images", 256), ("Gpt", "Tokens", 16)]
)
def test_speed_beside_ddp(network: str, task: str, size: int, tmp_path: Path) -> None:
    """Prints samples/s of both; one GPU, bf16, the same deterministic settings."""
    text = (
        f"name: speed\nnetwork: {{kind: '{workloads.__file__}:{network}'}}\n"
        f"task: {{kind: '{workloads.__file__}:{task}'}}\ndata: {{source: null}}\n"
        f"optimizer: {{kind: adamw, learning_rate: 0.001}}\n{RESOURCES}\n"
        f"train: {{steps: 100, batch_size: {size}, slices: 1, precision: bf16}}\n"
    )
    with arithmetic(Train(), DEVICE, "bf16"):
        trainee = built(text, tmp_path, None, "bf16")
        heartbeat = Heartbeat(tmp_path / "beat", attempt=1, after_s=600, log=tmp_path / "log")
        loop = Loop(trainee, WorkerGroup(device=DEVICE), Position(), heartbeat)
        heartbeat.begin(0)
        ours = samples_per_second(loop.train_step, size)
        trainee.close()
        del trainee, loop
        torch.cuda.empty_cache()
        theirs = samples_per_second(ddp_step(network, size, tmp_path), size)
        dist.destroy_process_group()
    memory = torch.cuda.max_memory_allocated() / 2**30
    print(f"\n{network}: distnet {ours:,.1f}, DDP {theirs:,.1f} samples/s, {memory:.1f} GiB")  # noqa: T201


def built(text: str, folder: Path, data: Path | None, precision: str = "fp32") -> Trainee:
    group = WorkerGroup(device=DEVICE)
    return build(read_job_text(text).job.resolved(), data, folder, group, precision)


def ddp_step(network: str, size: int, folder: Path) -> Callable[[], None]:
    """One step of torch's own data parallelism, with one process."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("nccl", init_method=f"file://{folder}/store", rank=0, world_size=1)
    torch.manual_seed(0)
    fields = workloads.draw_images(size) if network == "ResNet50" else workloads.draw_tokens(size)
    own: nn.Module = getattr(workloads, network)().to(DEVICE)
    if network == "ResNet50":
        own = own.to(memory_format=torch.channels_last)
    model = DistributedDataParallel(own, device_ids=[0])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.001, fused=True)

    def step() -> None:
        x, y = fields["x"].to(DEVICE), fields["y"].to(DEVICE)
        with torch.autocast("cuda", torch.bfloat16):
            outputs = model(x)
            outputs = outputs.flatten(0, -2) if outputs.ndim > 2 else outputs
            loss = cross_entropy(outputs, y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def samples_per_second(step: Callable[[], object], size: int) -> float:
    """The median over the steps."""
    times = []
    for _ in range(WARM_UP + STEPS):
        began = time.perf_counter()
        step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return size / statistics.median(times[WARM_UP:])
