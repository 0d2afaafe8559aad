"""Detectors of torchvision train through the same loop, with the same bits on any workers."""

import pytest

from tests.train import torchvision_detectors
from tests.train.small_runs import SmallRun, planned, run_all
from tests.train.users.datasets import make

JOB = """
name: torchvision
network: {kind: "FILE:NET"}
task: {kind: "FILE:Detect"}
data:
  source: scenes
  augment: [{kind: shift, pixels: 3}, {kind: flip}]
optimizer: {kind: adam, learning_rate: 0.003}
train: {steps: 4, batch_size: 12, slices: 4, seed: 3}
evaluate: {every_epochs: 1000}
"""
NETWORKS = ("TwoStages", "OneStage")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, SmallRun]]:
    folder = tmp_path_factory.mktemp("torchvision")
    data = make("scenes", folder / "scenes")
    jobs = {}
    for network in NETWORKS:
        path = folder / f"{network}.yaml"
        path.write_text(JOB.replace("FILE", torchvision_detectors.__file__).replace("NET", network))
        jobs[network] = planned(path, f"data.source={data}")
    return {size: run_all(size, jobs, folder) for size in (1, 2)}


@pytest.mark.check
@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_with_its_loss_inside_trains_to_the_same_bits(
    network: str, trained: dict[int, dict[str, SmallRun]]
) -> None:
    alone, two = (trained[size][network] for size in (1, 2))

    alone.require_measured()
    assert alone.bits == two.bits
    assert alone.losses() == two.losses()
