"""The job file of the flowers starts with the convolutions of cifar10-cnn, and draws the rest."""

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from distnet.spec.read import read_job
from distnet.train.checkpoint.checkpoint import read_checkpoint
from tests.jobs.test_job_files import SAVED, Datasets, job_file
from tests.train.small_runs import run_alone

HEAD = {"hidden.weight", "hidden.bias", "output.weight", "output.bias"}


def test_the_convolutions_are_taken_and_wait_while_the_new_layers_learn(tmp_path: Path) -> None:
    planned = Datasets(tmp_path).plan("flowers-finetune")
    file = tmp_path / "cifar10-cnn-1.safetensors"
    before = load_file(file)

    run = run_alone(planned, tmp_path / "run")

    assert planned.plan.notes[0] == (
        f"start: {file} takes {len(before.keys() - HEAD)} tensors; "
        "drawn anew: hidden.weight [64, 1024], hidden.bias [64], output.weight [5, 64], "
        "output.bias [5]; not used: hidden.bias, hidden.weight, output.bias, output.weight"
    )
    assert "begins with the weights of cifar10-cnn-1.safetensors" in [
        record["text"] for record in run.records("note")
    ]
    parameters = {name for name in before if "running" not in name and "num_batches" not in name}
    frozen, last = (weights(run.folder, step) for step in (SAVED, planned.plan.steps))
    still = {name for name in parameters - HEAD if before[name].equal(frozen[name])}
    assert planned.plan.steps_per_epoch > SAVED
    assert still == parameters - HEAD
    assert all(not before[name].equal(last[name]) for name in still)


def weights(run: Path, step: int) -> dict[str, Tensor]:
    return dict(read_checkpoint(run / "checkpoints", f"step-{step:08d}").weights)


def test_the_job_file_has_the_network_of_the_run_that_it_starts_with() -> None:
    flowers, cifar10 = (read_job(job_file(n)).job for n in ("flowers-finetune", "cifar10-cnn"))

    assert flowers.network == cifar10.network
    assert flowers.start is not None
    assert Path(flowers.start.weights) == Path("../runs") / f"{cifar10.name}-1"
