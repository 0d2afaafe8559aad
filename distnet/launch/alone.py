"""The loop of a job in this process alone: no run folder, no records, no checkpoints.

For what looks at single steps: how long they take, or how the loss answers to a rate. All slices
are computed here, as any number of workers would compute them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from distnet.launch.plan import Plan
from distnet.launch.staging import staged
from distnet.run_folder.workers.heartbeat import Heartbeat
from distnet.spec.code.collect import own_code
from distnet.spec.code.importer import forget
from distnet.spec.read import JobFile
from distnet.spec.sections.job import Job
from distnet.train.checkpoint.position import Position
from distnet.train.compute.generators import kept_generators
from distnet.train.compute.trainee import build
from distnet.train.device.arithmetic import arithmetic, prepare_libraries, settings_kept
from distnet.train.device.device import claim_gpu
from distnet.train.device.fingerprint import read_fingerprint
from distnet.train.device.portable import require_instruction_set
from distnet.train.device.precision import decide_precision
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.loop import Loop
from distnet.train.reporter import Reporter
from distnet.train.resume import take_weights


@dataclass(frozen=True)
class Setting:
    """Where and how this process computes."""

    file: JobFile
    plan: Plan
    folder: Path
    group: WorkerGroup
    precision: str


@contextmanager
def prepared(file: JobFile, plan: Plan) -> Iterator[Setting]:
    """Make this process compute as a worker of the job does.

    Raises:
        DistnetError: this machine lacks a GPU or instructions that the job needs.
    """
    job = file.job
    forget()
    torch.set_num_threads(job.train.threads_per_slice)
    require_instruction_set(job, torch.backends.cpu.get_cpu_capability)
    prepare_libraries()
    device = claim_gpu(0) if job.resources.gpus else "cpu"
    precision = decide_precision(plan.precision, [read_fingerprint(device)])
    with ExitStack() as stack:
        copied = stack.enter_context(staged(file, own_code(file)))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="distnet-alone-")))
        stack.enter_context(kept_generators(torch.device(device)))
        stack.enter_context(arithmetic(job.train, device, precision))
        yield Setting(copied, plan, folder, WorkerGroup(device=device), precision)


@contextmanager
def lone_loop(
    setting: Setting, job: Job, *, weights: bytes | None = None, reporter: Reporter | None = None
) -> Iterator[Loop]:
    """The loop of a job at its first step.

    Args:
        setting: where it computes.
        job: that of the setting, with other values of some keys.
        weights: to start with, as a safetensors file; None for those that are drawn.
        reporter: receives what the loop reports.
    """
    code, dataset = setting.file.code_folder, setting.plan.dataset_folder
    with settings_kept():  # the user's own files may change them
        trainee = build(job, dataset, code, setting.group, setting.precision)
    log = setting.folder / "log"
    heartbeat = Heartbeat(setting.folder / "beat", attempt=1, after_s=3600, log=log)
    with heartbeat:
        try:
            if weights is not None:
                take_weights(trainee, weights)
            loop = Loop(trainee, setting.group, Position(), heartbeat, reporter=reporter)
            heartbeat.begin(0)
            yield loop
        finally:
            trainee.close()
