"""A metric by the classes of another field, against figures worked out by hand."""

import pytest
import torch

from distnet.data.batch import Batch
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest, Split
from distnet.run_folder.figures import Table
from distnet.tasks.per_sample import PerSample
from distnet.tasks.targets.classify import Classify


def data() -> Manifest:
    return Manifest(
        name="speech",
        source="made in the test",
        fields={
            "x": VectorField(shape=(2,)),
            "y": ClassField(classes=("yes", "no")),
            "speaker": ClassField(classes=("ann", "bob", "cyd")),
        },
        splits={"train": Split(num_samples=0, shards=())},
    )


@pytest.mark.parametrize("top_k", [1, 5])
def test_accuracy_by_speaker_adds_up_over_batches(top_k: int) -> None:
    task = PerSample(Classify(data(), by="speaker", top_k=top_k), data())
    networks = {"network": torch.nn.Identity()}
    outputs = torch.tensor([[2.0, 1.0], [1.0, 2.0], [2.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    actual, speakers = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 0, 0, 2, 2, -1])
    parts = [
        task.measure(networks, Batch({"x": outputs[s], "y": actual[s], "speaker": speakers[s]}))
        for s in (slice(0, 2), slice(2, 6))
    ]

    summary = task.summarise(parts[0].sums + parts[1].sums, [])

    table = summary.figures[-1]
    assert isinstance(table, Table)
    assert (table.title, table.columns) == (
        "Accuracy by speaker",
        ("speaker", "accuracy", "samples"),
    )
    assert table.rows == (("ann", pytest.approx(2 / 3), 3), ("cyd", 0.5, 2))
    assert table.formats == ("number", "percent", "number")
    assert summary.metrics["accuracy"] == pytest.approx(3 / 6)


@pytest.mark.parametrize("name", ["x", "mood"])
def test_only_a_field_of_classes_will_do(name: str) -> None:
    with pytest.raises(ValueError, match=rf"by: found '{name}', .*speaker \(class\)"):
        Classify(data(), by=name)
