"""Errors of torch and of the libraries below it mean what their texts say."""

import errno

import pytest
import torch
import torch.distributed as dist

from distnet.errors import DeviceError, OutOfMemoryError, TrainingError
from distnet.train.device.faults import Fault, classify, classify_text, faults_explained

CUDA_TAIL = (
    "\nSearch for `cudaError' in https://docs.nvidia.com/cuda/cuda-runtime-api for more.\n"
    "CUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1"
)
NCCL = (
    "NCCL error in: /pytorch/torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:4058, {}, "
    "NCCL version 2.28.9\n{}\nLast error:\n{}"
)
GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp/{}] {}"
DETERMINISTIC = (
    "{} does not have a deterministic implementation, but you set "
    "'torch.use_deterministic_algorithms(True)'. You can turn off determinism just for this "
    "operation, or you can use the 'warn_only=True' option, if that's acceptable for your "
    "application."
)
TEXTS = {
    Fault.OUT_OF_MEMORY: [
        "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.10 GiB "
        "of which 9.56 MiB is free. Process 4 has 79.08 GiB memory in use.",
        "HIP out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 63.98 GiB",
        "CUDA error: out of memory" + CUDA_TAIL,
        "CUDA driver error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 8000000000000 bytes. Error code 12 (Cannot allocate memory)",
        "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: not enough memory: you "
        "tried to allocate 40000000000 bytes.",
        NCCL.format(
            "unhandled cuda error (run with NCCL_DEBUG=INFO for details)",
            "ncclUnhandledCudaError: Call to CUDA function failed.",
            "Cuda failure 2 'out of memory'",
        ),
    ],
    Fault.DEVICE: [
        "CUDA error: uncorrectable ECC error encountered" + CUDA_TAIL,
        "CUDA error: an illegal memory access was encountered" + CUDA_TAIL,
        "CUDA error: unspecified launch failure" + CUDA_TAIL,
        "CUDA error: misaligned address" + CUDA_TAIL,
        "CUDA error: the launch timed out and was terminated" + CUDA_TAIL,
        "CUDA error: all CUDA-capable devices are busy or unavailable" + CUDA_TAIL,
        "CUDA error: CUDA-capable device(s) is/are busy or unavailable" + CUDA_TAIL,
        "CUDA error: the MPS client has been terminated by the server" + CUDA_TAIL,
        "CUDA error: MPS client failed to connect to the MPS control daemon or the MPS server",
        "CUDA error: unknown error" + CUDA_TAIL,
        "HIP error: unspecified launch failure\nHIP kernel errors might be asynchronously reported",
        "HIP error: an illegal memory access was encountered",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb)`",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED_CUDART",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR",
        NCCL.format(
            "unhandled cuda error (run with NCCL_DEBUG=INFO for details)",
            "ncclUnhandledCudaError: Call to CUDA function failed.",
            "Cuda failure 'an illegal memory access was encountered'",
        ),
    ],
    Fault.ASSERTION: ["CUDA error: device-side assert triggered" + CUDA_TAIL],
    Fault.NO_KERNELS: [
        "CUDA error: no kernel image is available for execution on the device" + CUDA_TAIL,
        "HIP error: invalid device function",
        "CUDA error: CUDA driver version is insufficient for CUDA runtime version" + CUDA_TAIL,
        "CUDA error: the provided PTX was compiled with an unsupported toolchain." + CUDA_TAIL,
        "CUDA error: system has unsupported display driver / cuda driver combination",
    ],
    Fault.NONDETERMINISTIC: [
        DETERMINISTIC.format("adaptive_avg_pool2d_backward_cuda"),
        DETERMINISTIC.format("grid_sampler_2d_backward_cuda"),
    ],
    Fault.WORKSPACE: [
        "Deterministic behavior was enabled with either `torch.use_deterministic_algorithms(True)` "
        "or `at::Context::setDeterministicAlgorithms(true)`, but this operation is not "
        "deterministic because it uses CuBLAS and you have CUDA >= 10.2. To enable deterministic "
        "behavior in this case, you must set an environment variable"
    ],
    Fault.COMMUNICATION: [
        GLOO.format("pair.cc:553", "Connection closed by peer [127.0.0.1]:33450"),
        GLOO.format("pair.cc:537", "Read error [10.0.0.2]:4531: Connection reset by peer"),
        GLOO.format("pair.cc:350", "writev [10.0.0.2]:4531: Broken pipe"),
        GLOO.format("unbound_buffer.cc:78", "Timed out waiting 1800000ms for recv operation"),
        "Gloo connectFullMesh failed with " + GLOO.format("pair.cc:149", "no error"),
        NCCL.format(
            "remote process exited or there was a network error",
            "ncclRemoteError: A call failed possibly due to a network error or a remote process "
            "exiting prematurely.",
            "socketPollConnect: connect to 10.0.0.2<43211> returned Connection refused",
        ),
        NCCL.format(
            "unhandled system error (run with NCCL_DEBUG=INFO for details)",
            "ncclSystemError: System call (e.g. socket, malloc) or external library call failed",
            "Connection closed by remote peer node-2<52133>",
        ),
        "NCCL communicator was aborted on rank 1.",
        "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=5, "
        "OpType=COALESCED, NumelIn=1, Timeout(ms)=600000) ran for 600029 milliseconds before "
        "timing out.",
    ],
    None: [
        "mat1 and mat2 shapes cannot be multiplied (4x3 and 5x2)",
        "CUDA error: invalid argument" + CUDA_TAIL,
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 "
        "and cpu!",
        "the weights of gloo-net are missing",
        "No backend type associated with device type cpu",
        "ProcessGroupNCCL is only supported with GPUs, no GPUs found!",
        "Tensors must be CUDA and dense",
        NCCL.format(
            "invalid usage (run with NCCL_DEBUG=WARN for details)",
            "ncclInvalidUsage: This usually reflects invalid usage of NCCL library.",
            "Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 50000",
        ),
        "my replay buffer is out of memory slots",
    ],
}
CASES = [(text, fault) for fault, texts in TEXTS.items() for text in texts]


@pytest.mark.parametrize(("text", "fault"), CASES, ids=[text[:60] for text, _ in CASES])
def test_text_says_what_failed(text: str, fault: Fault | None) -> None:
    assert classify(RuntimeError(text)) is fault
    assert classify(torch.AcceleratorError(text)) is fault
    assert classify_text(text) is fault
    assert classify(ValueError(text)) is None  # torch raises no such thing: a user's own


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (MemoryError(), Fault.OUT_OF_MEMORY),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
            Fault.OUT_OF_MEMORY,
        ),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Fault.OUT_OF_MEMORY),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), None),  # of a user's own subprocess
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), None),
        (FileNotFoundError(errno.ENOENT, "No such file", "/data/gloo/NCCL.bin"), None),
        (dist.DistNetworkError("failed to recv, got 0 bytes"), Fault.COMMUNICATION),
        (dist.DistStoreError("wait timeout after 600000ms"), Fault.COMMUNICATION),
        (KeyError("NCCL"), None),
    ],
    ids=repr,
)
def test_type_of_an_error_counts_too(error: BaseException, fault: Fault | None) -> None:
    assert classify(error) is fault


@pytest.mark.parametrize(
    ("text", "kind", "failure", "said"),
    [
        ("CUDA error: uncorrectable ECC error encountered", DeviceError, "lost_worker", "nvidia-"),
        ("CUDA error: out of memory", OutOfMemoryError, "out_of_memory", "evaluate.batch_size"),
        ("CUDA error: device-side assert triggered", TrainingError, "user_error", "a class or a"),
        (
            DETERMINISTIC.format("grid_sampler_2d_backward_cuda"),
            TrainingError,
            "user_error",
            "grid_sampler_2d_backward_cuda does not have a deterministic implementation. The job "
            "says train.determinism: exact",
        ),
        (
            NCCL.format("unhandled cuda error", "ncclUnhandledCudaError", "Cuda failure 'bad'"),
            DeviceError,
            "lost_worker",
            "Cuda failure 'bad'",
        ),
    ],
)
def test_explanation_names_worker_cause_and_remedy(
    text: str, kind: type[Exception], failure: str, said: str
) -> None:
    with pytest.raises(kind) as caught, faults_explained("worker 1 (cuda:1 on node-7)"):
        raise torch.AcceleratorError(text)

    assert type(caught.value) is kind
    assert caught.value.failure == failure
    assert said in str(caught.value)
    assert kind is OutOfMemoryError or str(caught.value).startswith("worker 1 (cuda:1 on node-7)")
    assert "use_deterministic_algorithms" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a mistake in forward"),
        RuntimeError(GLOO.format("pair.cc:553", "Connection closed by peer [127.0.0.1]:33450")),
    ],
)
def test_other_errors_pass_as_they_are(error: RuntimeError) -> None:
    with pytest.raises(RuntimeError) as caught, faults_explained("worker 0"):
        raise error

    assert caught.value is error
