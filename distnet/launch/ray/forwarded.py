"""The environment of workers: what the libraries below torch need, and which GPU is whose.

No torch here: Ray Train's controller imports this file.
"""

from collections.abc import Mapping, MutableMapping, Sequence

from distnet.errors import NotEnoughResourcesError

LIBRARIES = (
    *("DISTNET_", "GLOO_", "TORCH_DISTRIBUTED_", "TORCH_NCCL_", "PYTORCH_", "OMP_", "KMP_", "MKL_"),
    *("CUDA_", "CUBLAS_", "CUBLASLT_", "CUDNN_", "NVIDIA_", "NCCL_", "TORCH_CUDNN_", "TORCH_BLAS_"),
    *("HSA_", "HIP_", "HIPBLAS_", "HIPBLASLT_", "ROCBLAS_", "MIOPEN_", "RCCL_"),
    *("FI_", "UCX_", "ATEN_", "ONEDNN_", "DNNL_"),
)
"""The prefixes of variables that Ray's workers get from the launcher."""
NODES_OWN = ("_VISIBLE_DEVICES", "DISTNET_NODE", "_HOME", "_PATH", "_ROOT", "_DIR")
"""The ends of those that each node has by itself: which devices, and where things are installed."""
CONTAINERS_OWN = ("NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_", "NVIDIA_PRODUCT_NAME")
"""Written into images for the container runtime."""
CUDA, HIP = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"
MIG = "MIG-"


def forwarded(environment: Mapping[str, str]) -> dict[str, str]:
    """Those variables that workers on other nodes need, too."""
    return {name: value for name, value in environment.items() if _is_forwarded(name)}


def keep_own_devices(assigned: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Undo that Ray Train lets a worker see the GPUs of others, where that does harm.

    It writes CUDA_VISIBLE_DEVICES, so that GPUs of one node reach one another. On AMD's GPUs Ray
    itself writes HIP_VISIBLE_DEVICES, and both together name GPUs that are not there. Of several
    MIG slices a process only ever sees the first.

    Args:
        assigned: the ids of this worker's GPUs.
        environment: of this process, before it uses a GPU.
    """
    if HIP in environment:
        environment.pop(CUDA, None)
    elif any(each.startswith(MIG) for each in assigned):
        environment[CUDA] = ",".join(assigned)


def own_index(assigned: Sequence[str], environment: Mapping[str, str]) -> int:
    """The index by which torch knows this worker's GPU.

    Args:
        assigned: the ids of this worker's GPUs; as many as `resources.gpus`, so one.
        environment: of this process.

    Raises:
        NotEnoughResourcesError: the GPU is hidden from this process.
    """
    name = HIP if HIP in environment else CUDA
    visible = [each.strip() for each in environment.get(name, "").split(",") if each.strip()]
    if not visible:  # all are visible, in the order of their numbers
        return int(assigned[0]) if assigned[0].isdecimal() else 0
    if assigned[0] not in visible:
        raise NotEnoughResourcesError(
            f"Ray assigned GPU {assigned[0]} to this worker, but {name} is {environment[name]}: "
            f"do not set {name} in a Ray cluster's runtime environment"
        )
    return visible.index(assigned[0])


def refuse_mig(assigned: Sequence[str], workers: int) -> None:
    """Refuse several workers on MIG slices: NCCL does not connect them.

    Raises:
        NotEnoughResourcesError: there are several workers, and the GPU of this one is a MIG slice.
    """
    if workers > 1 and any(each.startswith(MIG) for each in assigned):
        raise NotEnoughResourcesError(
            f"found the MIG slice {assigned[0]} for one of {workers} workers, but NCCL does not "
            "connect MIG slices; use resources.workers: 1 (train.slices keeps the bits), or nodes "
            "with whole GPUs"
        )


def _is_forwarded(name: str) -> bool:
    return (
        name.startswith(LIBRARIES)
        and not name.endswith(NODES_OWN)
        and not name.startswith(CONTAINERS_OWN)
    )
