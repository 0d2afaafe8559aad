"""The environment of Ray's workers: what libraries need, and which GPU is whose."""

import pytest

from distnet.errors import NotEnoughResourcesError
from distnet.launch.ray.forwarded import forwarded, keep_own_devices, own_index, refuse_mig

CUDA, HIP = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"


@pytest.mark.parametrize(
    "name",
    [
        *("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "CUDA_LAUNCH_BLOCKING"),
        *("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "NCCL_IB_HCA", "NCCL_DEBUG"),
        *("HSA_FORCE_FINE_GRAIN_PCIE", "HIP_LAUNCH_BLOCKING", "FI_PROVIDER", "UCX_TLS"),
        *("GLOO_SOCKET_IFNAME", "TORCH_NCCL_ASYNC_ERROR_HANDLING", "MKL_CBWR"),
    ],
)
def test_what_libraries_read_is_forwarded(name: str) -> None:
    assert forwarded({name: "x", "HOME": "/root"}) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        *(CUDA, HIP, "NVIDIA_VISIBLE_DEVICES", "CUDA_HOME", "CUDA_PATH", "HIP_PATH", "UCX_HOME"),
        *("NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_CUDA", "PATH", "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_what_belongs_to_a_node_is_not(name: str) -> None:
    assert forwarded({name: "x"}) == {}


@pytest.mark.parametrize(
    ("assigned", "environment", "index"),
    [
        pytest.param(["1"], {CUDA: "0,1"}, 1, id="shared by Ray Train"),
        pytest.param(["5"], {CUDA: "4,5"}, 1, id="some GPUs of a node"),
        pytest.param(["GPU-b"], {CUDA: "GPU-a,GPU-b"}, 1, id="by uuid"),
        pytest.param(["1"], {HIP: "1", CUDA: "0,1"}, 0, id="AMD, with what Ray Train writes"),
        pytest.param(["MIG-b"], {CUDA: "MIG-a,MIG-b"}, 0, id="MIG: only one is seen"),
        pytest.param(["2"], {}, 2, id="nothing is hidden"),
    ],
)
def test_worker_finds_its_own_gpu(
    assigned: list[str], environment: dict[str, str], index: int
) -> None:
    keep_own_devices(assigned, environment)

    assert own_index(assigned, environment) == index


def test_hidden_gpu_is_refused() -> None:
    with pytest.raises(NotEnoughResourcesError, match=f"GPU 3 to this worker, but {CUDA} is 0,1"):
        own_index(["3"], {CUDA: "0,1"})


def test_several_workers_on_mig_are_refused() -> None:
    refuse_mig(["MIG-a"], workers=1)
    refuse_mig(["0"], workers=2)
    with pytest.raises(NotEnoughResourcesError, match=r"MIG slice MIG-a .*resources\.workers: 1"):
        refuse_mig(["MIG-a"], workers=2)
