"""What a network holds: found once, trained, saved, resumed, hashed and exported, or refused.

The networks are those of `unusual_networks.py`; the jobs name them as a user's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from distnet.errors import CheckpointError, DistnetError, NonFiniteError
from distnet.launch.run import resume, run
from distnet.notebook.run import Run
from distnet.train.checkpoint.checkpoint import State, read_newest, write_checkpoint
from distnet.train.checkpoint.safetensors_file import raw_bytes
from distnet.trained.evaluate import evaluate
from distnet.trained.export import export
from distnet.trained.load import load_trained
from tests.train import unusual_networks

JOB = f"""
name: small
network: {{kind: "{unusual_networks.__file__}:NET"}}
data: {{source: stripes}}
optimizer: {{kind: adamw, learning_rate: 0.01}}
train: {{steps: 12, batch_size: 30, slices: 4, seed: 3}}
checkpoint: {{every_steps: 6, keep: 100}}
"""
SHAPE = (1, 12, 12), 4
CHECK = pytest.mark.check
MORE_TIED = "SameMemory", "PartOfTable", "Columns", "Permuted", "FrozenView", "AttributeView"
MORE_TYPES = "complex64", "float16", "float64", "int64", "bool", "float8_e4m3fn", "uint16"


@dataclass(frozen=True)
class Bench:
    """Runs small jobs in one folder."""

    data: Path
    folder: Path

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def run(self, network: str, *overrides: str) -> Run:
        job = self.folder / f"{network}.yaml"
        job.write_text(JOB.replace("NET", network))
        source = f"data.source={self.data}"
        return run(job, inline=True, runs=self.runs, overrides=[source, *overrides])


@pytest.fixture
def bench(stripes: Path, tmp_path: Path) -> Bench:
    return Bench(stripes, tmp_path)


def weights_of(ended: Run) -> Mapping[str, Tensor]:
    return read_newest(ended.folder.path / "checkpoints").weights


@pytest.mark.parametrize(
    "network",
    [
        "Transposed",
        "BufferView",
        "SparseRows",
        *(pytest.param(name, marks=CHECK) for name in MORE_TIED),
    ],
)
def test_tensors_that_share_memory_learn_as_one_parameter_would(network: str, bench: Bench) -> None:
    tied, plain = weights_of(bench.run(network)), weights_of(bench.run(f"{network}Plainly"))

    for name, tensor in plain.items():
        torch.testing.assert_close(tied[name], tensor, rtol=1e-5, atol=1e-6)
    if hasattr(getattr(unusual_networks, network), "tie"):
        assert torch.equal(tied["b"], getattr(unusual_networks, network).tie(tied["a"]))


def test_tied_weights_are_resumed_and_measured(bench: Bench) -> None:
    whole = bench.run("Transposed", "train.steps=13")
    path = bench.run("Transposed", "train.steps=12").folder.path
    again = resume(path, inline=True, overrides=["train.steps=13"])

    assert again.result["weights_sha256"] == whole.result["weights_sha256"]
    assert evaluate(path)["metrics"]["loss"] == pytest.approx(again.metrics["test_loss"])


@pytest.mark.parametrize(
    "network",
    [
        "Transposed",
        *(pytest.param(name, marks=CHECK) for name in ("SameObject", "PartOfTable", "FrozenView")),
    ],
)
def test_tied_weights_are_exported_under_all_of_their_names(
    network: str, bench: Bench, tmp_path: Path
) -> None:
    trained = load_trained(bench.run(network, "train.steps=2").folder.path)

    exported = export(trained, output=tmp_path / "out")

    weights, state = load_file(exported.files[0]), trained.network.state_dict()
    assert weights.keys() == state.keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in state.items())
    getattr(unusual_networks, network)(*SHAPE).load_state_dict(weights)
    assert exported.check is not None
    assert exported.check.num_real > 0


def test_a_checkpoint_of_weights_that_were_trained_apart_is_refused(bench: Bench) -> None:
    path = bench.run("Transposed", "train.steps=2").folder.path
    state = read_newest(path / "checkpoints")
    apart = {**state.weights, "b": state.weights["b"] + 1}
    write_checkpoint(path / "checkpoints", State(99, apart, state.optimizer, state.facts))

    with pytest.raises(CheckpointError, match="unlike values for a and b, which share memory"):
        load_trained(path)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("PartlyOver", r"a \[10, 16\] and b \[10, 16\] share memory.*tensor\.clone"),
        ("OtherType", r"a \[16, 16\] and b \[16, 16\] of torch\.int32 share memory"),
        ("Expanded", r"found a \[16, 16\], of which several elements are one number"),
        ("Computed", r"attribute turned shares the memory of a,.*compute it from a in forward"),
        ("Listed", r"attribute turned\[0\] shares the memory of a,"),
        ("WithoutValues", r"parameter a\.weight on the device meta"),
        ("Sparse", r"found buffer s of torch\.sparse_coo, expected a dense tensor"),
        ("Exact", r"found buffer c of torch\.complex128.*expected one of float64"),
        ("ExactFrozen", r"found frozen parameter c of torch\.complex128"),
        ("Reentrant", r"activation checkpointing with use_reentrant=True.*use_reentrant=False"),
        ("Hooked", r"register_post_accumulate_grad_hook on first\.weight, which would never be"),
        ("Created", r"buffer cache was created in forward.*create it in __init__"),
        ("CreatedParameter", r"parameter extra was created in forward"),
        ("CreatedModule", r"parameter extra\.weight was created in forward"),
        ("NeverLazy", r"lazy parameter unused\.weight"),
        ("LazyMisfit", r"lazy layers \(out\.weight\).*\[1, 12, 12\]"),
    ],
)
def test_what_cannot_be_trained_or_saved_is_refused_before_anything_is_written(
    network: str, message: str, bench: Bench
) -> None:
    with pytest.raises(DistnetError, match=message) as refused:
        bench.run(network)

    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    assert not bench.runs.exists()


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("CreatedInTraining", r"buffer cache was created in forward"),
        ("Filled", r"buffer b was created in forward"),
        ("Removed", r"buffer b was removed in forward"),
        ("Resized", r"buffer b changed its shape from \[1\] to \[\d, 16\]"),
        ("Retyped", r"buffer b changed its type from torch\.int64 to torch\.float32"),
        ("Exchanged", r"b\.weight was replaced by another parameter"),
        ("MovedTie", r"b was replaced by another tensor"),
        ("Grown", r"parameter extra\.weight was created in forward"),
        ("FrozenLater", r"parameter first\.weight was frozen in forward"),
        ("Unfrozen", r"frozen parameter a requires a gradient by now"),
    ],
)
def test_what_changes_in_training_is_found_before_the_first_checkpoint(
    network: str, message: str, bench: Bench
) -> None:
    with pytest.raises(DistnetError, match=message) as refused:
        bench.run(network)

    assert refused.value.exit_code == 2
    assert not list(bench.runs.glob("*/checkpoints/step-*"))


@pytest.mark.parametrize(
    "dtype",
    ["bfloat16", *(pytest.param(name, marks=CHECK) for name in MORE_TYPES)],
)
def test_frozen_tensors_of_any_type_are_saved_resumed_and_exported(
    dtype: str, bench: Bench, tmp_path: Path
) -> None:
    ended = bench.run("Frozen", f"network.dtype={dtype}", "train.steps=2")
    path = ended.folder.path

    again = resume(path, inline=True, overrides=["train.steps=3"])
    exported = export(load_trained(path), output=tmp_path / "out", formats=["safetensors"])

    first = unusual_networks.Frozen(*SHAPE, dtype=dtype).state_dict()
    for weights in (weights_of(again), load_file(exported.files[0])):
        for name in ("constant", "kept"):
            assert weights[name].dtype == getattr(torch, dtype)
            assert raw_bytes(weights[name]) == raw_bytes(first[name])


@pytest.mark.parametrize("network", ["HalfLayer", pytest.param("FixedBatch", marks=CHECK)])
def test_a_network_that_onnxruntime_cannot_run_is_refused_in_one_line(
    network: str, bench: Bench, tmp_path: Path
) -> None:
    trained = load_trained(bench.run(network, "train.steps=2").folder.path)

    with pytest.raises(DistnetError, match="--format safetensors") as refused:
        export(trained, output=tmp_path / "out")

    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_long_integers_and_float64_are_merged_exactly(bench: Bench) -> None:
    weights = weights_of(bench.run("Counting"))

    assert weights["large"].item() == 12 * (2**40 + 1)
    assert weights["seen"].item() == 12
    assert weights["both"].tolist() == [12 * (2**24 + 1), -12 * (2**24 + 1)]
    assert weights["exact"].item() == pytest.approx(4 + 12e-12, rel=1e-14)


@pytest.mark.parametrize(
    "network", ["Spoiling", pytest.param("SpoilingExact", marks=CHECK), "Falling"]
)
def test_a_buffer_that_is_no_longer_finite_is_found_as_a_loss_would_be(
    network: str, bench: Bench
) -> None:
    found = r"step \d+ .*the change of buffer b is (NaN|infinite): slice \d"
    with pytest.raises(NonFiniteError, match=found):
        bench.run(network)


def test_a_step_that_spoils_a_buffer_can_be_skipped(bench: Bench) -> None:
    ended = bench.run("Spoiling", "train.on_nonfinite=skip")

    assert ended.status == "finished"
    assert torch.isfinite(weights_of(ended)["b"]).all()


def test_lazy_layers_get_their_shapes_from_the_data(bench: Bench) -> None:
    whole = bench.run("Lazy", "train.steps=7")
    path = bench.run("Lazy", "train.steps=6").folder.path

    again = resume(path, inline=True, overrides=["train.steps=7"])

    assert again.result["weights_sha256"] == whole.result["weights_sha256"]
    assert weights_of(again)["out.weight"].shape == (4, 144)
    assert evaluate(path)["metrics"]["loss"] == pytest.approx(again.metrics["test_loss"])
