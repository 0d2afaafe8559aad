"""An evaluation that is not finite is said, with its samples, where training itself is well."""

import json
from pathlib import Path

import pytest
from torch import Tensor

import distnet
from tests.train import troubled

JOB = f"""
name: wrong
network: {{kind: "{__file__}:KIND"}}
data: {{source: DATA}}
train: {{epochs: 2, batch_size: 200}}
"""


class Nan(troubled.Marked):
    """Whatever it computes, it is no number once it is measured."""

    def forward(self, x: Tensor) -> Tensor:
        outputs = super().forward(x)
        return outputs if self.training else outputs * float("nan")


class Rare(troubled.Marked):
    """The same, for a few samples."""

    def forward(self, x: Tensor) -> Tensor:
        outputs = super().forward(x)
        is_bad = x[:, 0, 5, 5] > 0.3
        return outputs if self.training else outputs.masked_fill(is_bad[:, None], float("inf"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return troubled.write_marked(tmp_path_factory.mktemp("data") / "marked", [])


@pytest.mark.parametrize(("kind", "named"), [("Nan", 25), ("Rare", 2)])
def test_it_is_noted_once_with_the_samples(
    kind: str, named: int, data: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(JOB.replace("KIND", kind).replace("DATA", str(data)))

    run = distnet.run(job, inline=True, runs=tmp_path / "runs")

    lines = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    [note] = [line["text"] for line in lines if line["kind"] == "note"]
    assert "the evaluation on test is not finite: loss nan; the loss of sample" in note
    assert note.count(", ") >= named - 1
    assert ("and perhaps more" in note) is (named == 25)
