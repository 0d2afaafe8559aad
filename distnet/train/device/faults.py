"""What an error of torch means: the user's mistake, too little memory, a broken GPU, a lost worker.

torch and the libraries below it raise `RuntimeError` for nearly everything, so their texts decide.
The texts are those of torch 2.14, CUDA 13, ROCm 7, NCCL 2.28 and gloo. Whatever is in no table is
the user's.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

import torch
import torch.distributed as dist

from distnet.errors import DeviceError, DistnetError, OutOfMemoryError, TrainingError


class Fault(Enum):
    """What an error means, if it is not the user's code that raised it."""

    OUT_OF_MEMORY = "out of memory"
    DEVICE = "the GPU, or its driver, failed"
    COMMUNICATION = "another worker, or the network to it, is gone"
    ASSERTION = "an index was out of range in a kernel"
    NONDETERMINISTIC = "an operation has no deterministic implementation"
    WORKSPACE = "cuBLAS was configured so that it is not deterministic"
    NO_KERNELS = "torch was not built for this GPU, or not for its driver"


GPU = r"(?:CUDA|HIP|CUDA driver|XPU) error: "
LIBRARY = r"(?:CUBLAS|CUDNN|CUSOLVER|CUSPARSE|HIPBLAS|HIPSOLVER|HIPSPARSE|rocblas|miopen)"
BROKEN = (
    "an illegal memory access was encountered",
    "unspecified launch failure",
    "uncorrectable ECC error encountered",
    "uncorrectable NVLink error detected during the execution",
    "Invalid access of peer GPU memory over nvlink or a hardware error",
    "misaligned address",
    "an illegal instruction was encountered",
    "invalid program counter",
    "hardware stack error",
    "operation not supported on global/shared address space",
    "the launch timed out and was terminated",
    r"(?:all )?CUDA-capable device(?:s are|\(s\) is/are) busy or unavailable",
    "no (?:CUDA-capable|ROCm-capable) device is detected",
    "initialization error",
    "system not yet initialized",
    "context is destroyed",
    "driver shutting down",
    r"[^\n]*\bMPS (?:client|server)",
    "the hardware resources required to support device connections have been exhausted",
    "unknown error",
)
"""What a GPU says when it, its driver or its memory is broken."""
UNFIT = (
    "no kernel image is available",
    "device kernel image is invalid",
    "the provided PTX was compiled with an unsupported toolchain",
    "CUDA driver version is insufficient for CUDA runtime version",
    "CUDA driver is a stub library",
    "API call is not supported in the installed CUDA driver",
    "system has unsupported display driver / cuda driver combination",
    "forward compatibility was attempted on non supported HW",
)
"""What it says when torch, driver and GPU are not made for one another."""

PATTERNS: tuple[tuple[Fault, str], ...] = (
    (Fault.OUT_OF_MEMORY, r"DefaultCPUAllocator: (?:can't allocate|not enough) memory"),
    (Fault.OUT_OF_MEMORY, r"\b(?:CUDA|HIP|XPU|MPS backend) out of memory"),
    (Fault.OUT_OF_MEMORY, rf"{GPU}out of memory"),
    (Fault.OUT_OF_MEMORY, rf"{LIBRARY}_STATUS_ALLOC_FAILED|CUFFT_ALLOC_FAILED"),
    (Fault.OUT_OF_MEMORY, r"CUDNN_STATUS_INTERNAL_ERROR_(?:HOST|DEVICE)_ALLOCATION_FAILED"),
    (Fault.OUT_OF_MEMORY, r"Cuda failure (?:\d+ )?'out of memory'"),  # within NCCL
    (Fault.OUT_OF_MEMORY, r"UR_RESULT_ERROR_OUT_OF_(?:DEVICE|HOST)_MEMORY"),
    (Fault.ASSERTION, rf"{GPU}device-side assert triggered"),
    (Fault.NO_KERNELS, rf"{GPU}(?:{'|'.join(UNFIT)})"),
    (Fault.NO_KERNELS, r"HIP error: invalid device function"),
    (Fault.DEVICE, rf"{GPU}(?:{'|'.join(BROKEN)})"),
    (Fault.DEVICE, rf"{LIBRARY}_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR|NOT_INITIALIZED)"),
    (Fault.DEVICE, r"Cuda failure (?:\d+ )?'|ncclUnhandledCudaError"),
    (Fault.DEVICE, r"UR_RESULT_ERROR_DEVICE_LOST"),
    (Fault.NONDETERMINISTIC, r"\S+ does not have a deterministic implementation"),
    (Fault.WORKSPACE, r"this operation is not deterministic because it uses CuBLAS"),
    (Fault.COMMUNICATION, r"\[[^\]\s]*\bgloo/(?:transport|rendezvous)/[^\]\s]*:\d+\]"),
    (Fault.COMMUNICATION, r"Gloo connectFullMesh failed"),
    (Fault.COMMUNICATION, r"nccl(?:Remote|System|Internal)Error"),
    (Fault.COMMUNICATION, r"NCCL communicator was aborted"),
    (Fault.COMMUNICATION, r"Watchdog caught collective operation timeout"),
    (Fault.COMMUNICATION, r"\bnccl\b.*remote process exited"),
    (Fault.COMMUNICATION, r"NCCL operations have failed or timed out"),
)
"""The first that matches decides: what is more exact comes first."""
COMPILED = tuple((fault, re.compile(pattern)) for fault, pattern in PATTERNS)
LOST_PEER = (dist.DistNetworkError, dist.DistStoreError)
LAST_ERROR = re.compile(r"Last error:\s*(.+)")
BUT_YOU_SET = re.compile(r", but you set '.*")
"""The advice of torch that does not apply to a job file."""
WARN = "with train.determinism: warn the job runs, but a repetition may end with other bits"
ADVICE: dict[Fault, tuple[type[DistnetError], str]] = {
    Fault.OUT_OF_MEMORY: (
        OutOfMemoryError,
        "out of memory: {why}. Reduce data.memory, evaluate.batch_size or the network; list the "
        "memory of each part with: distnet check JOB",
    ),
    Fault.DEVICE: (
        DeviceError,
        "{worker}: the GPU failed: {why}. If this happens again on the same node, take the node "
        "out of the cluster and check its GPU (nvidia-smi -q, rocm-smi, dmesg)",
    ),
    Fault.ASSERTION: (
        TrainingError,
        "{worker}: an index was out of range on the GPU, most often a class or a token for which "
        "the network has no output or no embedding: {why}. To see the line of your code, train "
        "with resources.gpus: 0",
    ),
    Fault.NO_KERNELS: (
        TrainingError,
        "{worker}: torch {torch} was not built for this GPU and its driver: {why}. Install a torch "
        "that was (https://pytorch.org), or a newer driver, or set resources.gpus to 0",
    ),
    Fault.NONDETERMINISTIC: (
        TrainingError,
        "{worker}: {why}. The job says train.determinism: exact, so use another operation; {warn}",
    ),
    Fault.WORKSPACE: (
        TrainingError,
        "{worker}: cuBLAS is not deterministic with CUBLAS_WORKSPACE_CONFIG as it is set; unset "
        "it, or set it to :4096:8; {warn}",
    ),
}
"""What to raise and to say."""


def classify(error: BaseException) -> Fault | None:
    """Say what an error means; None where it is the user's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return Fault.OUT_OF_MEMORY
    if isinstance(error, OSError):  # of the user's own files and sockets, but for this one
        return Fault.OUT_OF_MEMORY if error.errno == errno.ENOMEM else None
    if not isinstance(error, RuntimeError):
        return None
    found = classify_text(str(error))
    return Fault.COMMUNICATION if found is None and isinstance(error, LOST_PEER) else found


def classify_text(text: str) -> Fault | None:
    """Say what the text of an error, or the last lines of a log, mean; None if that is unknown."""
    return next((fault for fault, pattern in COMPILED if pattern.search(text)), None)


def reason(error: BaseException) -> str:
    """What an error says, on one line; of NCCL's also its last error, which names the cause."""
    text = str(error).strip()
    first = text.split("\n", 1)[0] or type(error).__name__
    last = LAST_ERROR.search(text)
    return f"{first} ({last[1].strip()})" if last else BUT_YOU_SET.sub("", first)


@contextmanager
def faults_explained(worker: str) -> Iterator[None]:
    """Turn errors that are not of the user's code into ones that say what to do.

    A lost worker is left to the launcher, which knows how the others ended.

    Args:
        worker: names this worker and its device, such as `worker 1 (cuda:1 on node-7)`.

    Raises:
        OutOfMemoryError: memory ran out.
        DeviceError: a GPU failed.
        TrainingError: the job computes something that this device, or this torch, does not.
    """
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        explained = _explained(error, worker)
        if explained is None:
            raise
        raise explained from error


def _explained(error: BaseException, worker: str) -> DistnetError | None:
    fault = classify(error)
    if fault is None or fault is Fault.COMMUNICATION:
        return None
    kind, advice = ADVICE[fault]
    text = advice.format(worker=worker, why=reason(error), torch=torch.__version__, warn=WARN)
    return kind(text)
