"""How a device computes is what the job says, whatever torch was set to before."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from distnet.errors import TrainingError
from distnet.spec.sections.job import Train
from distnet.train.device.arithmetic import OPERATIONS, arithmetic
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.test_bits import assignment

GPU = "cuda:0"
NETWORK = """
from torch import nn

class Putting(nn.Linear):
    '''Uses an operation that torch computes in no fixed order, on every device.'''

    def __init__(self, input_shape, num_outputs):
        super().__init__(input_shape[0] * input_shape[1] * input_shape[2], num_outputs)

    def forward(self, x):
        x = x.flatten(1)
        x = x.put(x.new_zeros(1).long(), x.new_ones(1))
        return super().forward(x)
"""
JOB = """
name: putting
network: {kind: ./putting.py:Putting}
data: {source: stripes}
train: {steps: 2, batch_size: 30, threads_per_slice: 2, determinism: MODE}
"""


SETTING = """
import torch
from torch import nn

torch.set_num_threads(3)
torch.set_float32_matmul_precision("medium")
torch.backends.mkldnn.conv.fp32_precision = "bf16"
torch.set_default_dtype(torch.float64)

class Setting(nn.Linear):
    '''Its file sets for the whole process what changes the last bits.'''

    def __init__(self, input_shape, num_outputs):
        super().__init__(144, num_outputs, dtype=torch.float32)

    def forward(self, x):
        return super().forward(x.flatten(1))
"""


TINY = """
import torch
from torch import nn

class Tiny(nn.Linear):
    '''Computes with a number next to 0.'''

    def __init__(self, input_shape, num_outputs):
        super().__init__(144, num_outputs)
        self.register_buffer("tiny", torch.full((), 1e-39))

    def forward(self, x):
        return super().forward(x.flatten(1) * self.tiny * 1e38 * 10)
"""


def precisions() -> list[str]:
    return [torch._C._get_fp32_precision_getter(*of) for of in OPERATIONS]


def legacy() -> tuple[bool, bool, str]:
    """torch's older settings; they raise where they contradict the newer ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        return *tf32, torch.get_float32_matmul_precision()


def test_fp32_is_fp32_everywhere_and_torchs_settings_come_back() -> None:
    before = precisions(), legacy()

    with arithmetic(Train(), GPU, "fp32"):
        assert set(precisions()) == {"ieee"}
        assert legacy() == (False, False, "highest")

    assert (precisions(), legacy()) == before


def test_tf32_is_for_all_products_on_gpus() -> None:
    with arithmetic(Train(), GPU, "tf32"):
        by_backend = dict(zip(OPERATIONS, precisions(), strict=True))
        assert {p for (backend, _), p in by_backend.items() if backend == "cuda"} == {"tf32"}
        assert {p for (backend, _), p in by_backend.items() if backend == "mkldnn"} == {"ieee"}
        assert legacy()[:2] == (True, True)


@pytest.mark.parametrize("wish", ["high", "medium"])
def test_what_a_users_file_sets_does_not_change_fp32(wish: str) -> None:
    torch.set_float32_matmul_precision(wish)
    try:
        before = precisions()
        with arithmetic(Train(), "cpu", "fp32"):
            assert set(precisions()) == {"ieee"}
            assert legacy() == (False, False, "highest")
        assert precisions() == before
    finally:
        torch.set_float32_matmul_precision("highest")


def test_what_a_users_file_sets_changes_neither_threads_nor_denormals() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    torch.set_flush_denormal(True)
    try:
        with arithmetic(Train(), "cpu", "fp32"):
            assert torch.get_num_threads() == 1
            assert torch.tensor([1e-40]).mul(1.0).item() > 0
        assert torch.tensor([1e-40]).mul(1.0).item() == 0
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def test_a_file_that_is_read_again_in_training_changes_no_settings(
    stripes: Path, tmp_path: Path
) -> None:
    """The guard builds a network anew, for which it reads the user's file."""
    (tmp_path / "setting.py").write_text(SETTING)
    text = JOB.replace("./putting.py:Putting", "./setting.py:Setting").replace("MODE", "exact")
    text = text.replace("threads_per_slice: 2, ", "").replace("steps: 2", "steps: 5")
    seen: list[tuple[int, set[str]]] = []

    def note(record: dict[str, Any]) -> None:
        if record["kind"] == "step":
            seen.append((torch.get_num_threads(), set(precisions())))

    before = torch.get_num_threads(), torch.get_default_dtype()
    try:
        work(assignment(text, stripes, tmp_path), WorkerGroup(), listener=note)
    finally:
        torch.set_num_threads(before[0])
        torch.set_default_dtype(before[1])
        torch.set_float32_matmul_precision("highest")
        torch.backends.mkldnn.conv.fp32_precision = "none"

    assert seen == [(1, {"ieee"})] * 5


def test_a_process_that_flushes_denormals_ends_with_the_same_bits(
    stripes: Path, tmp_path: Path
) -> None:
    text = JOB.replace("./putting.py:Putting", "./tiny.py:Tiny").replace("MODE", "exact")
    text = text.replace("threads_per_slice: 2, ", "")
    ends = []
    try:
        for name, is_flushed in (("kept", False), ("flushed", True)):
            (tmp_path / name).mkdir()
            (tmp_path / name / "tiny.py").write_text(TINY)
            torch.set_flush_denormal(is_flushed)
            ends.append(work(assignment(text, stripes, tmp_path / name), WorkerGroup()))
    finally:
        torch.set_flush_denormal(False)

    assert ends[0]["weights_sha256"] == ends[1]["weights_sha256"]


@pytest.mark.parametrize(
    ("train", "device", "is_on", "is_warning"),
    [
        (Train(), GPU, True, False),
        (Train(determinism="warn"), GPU, True, True),
        (Train(threads_per_slice=2), "cpu", True, False),
        (Train(threads_per_slice=2, determinism="warn"), "cpu", True, True),
        (Train(), "cpu", False, False),  # one thread has one order of additions
    ],
)
def test_determinism_is_exact_unless_the_job_says_warn(
    train: Train, device: str, *, is_on: bool, is_warning: bool
) -> None:
    cudnn = torch.backends.cudnn
    with arithmetic(train, device, "fp32"):
        assert torch.are_deterministic_algorithms_enabled() is is_on
        assert torch.is_deterministic_algorithms_warn_only_enabled() is is_warning
        assert (cudnn.deterministic, cudnn.benchmark) == (is_on, False)

    assert not torch.are_deterministic_algorithms_enabled()
    assert not cudnn.deterministic


def test_exact_names_the_operation_and_the_way_out(stripes: Path, tmp_path: Path) -> None:
    (tmp_path / "putting.py").write_text(NETWORK)
    assigned = assignment(JOB.replace("MODE", "exact"), stripes, tmp_path)

    with pytest.raises(TrainingError) as caught:
        work(assigned, WorkerGroup())

    assert caught.value.failure == "user_error"
    assert "put_ does not have a deterministic implementation" in str(caught.value)
    assert "train.determinism: warn" in str(caught.value)
    assert not torch.are_deterministic_algorithms_enabled()


def test_warn_trains_with_a_warning(stripes: Path, tmp_path: Path) -> None:
    (tmp_path / "putting.py").write_text(NETWORK)
    assigned = assignment(JOB.replace("MODE", "warn"), stripes, tmp_path)

    with pytest.warns(UserWarning, match="put_ does not have a deterministic"):
        assert work(assigned, WorkerGroup())["status"] == "finished"
