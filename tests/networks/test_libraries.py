"""The adapters of `distnet/networks/libraries.md`: timm and transformers, with the same bits."""

import re
from pathlib import Path

import pytest

from distnet.data.importing import import_dataset
from distnet.train.checkpoint.checkpoint import read_newest
from tests.datasets import stripes
from tests.train.processes import run_workers
from tests.train.test_bits import assignment, bits, train

__all__ = ["stripes"]
pytestmark = pytest.mark.check
PAGE = (Path(__file__).parents[2] / "distnet" / "networks" / "libraries.md").read_text()
TIMM, TIMM_JOB, TEXTS, TEXTS_JOB = re.findall(
    r"^```(?:python|yaml)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)
SHORT = "train: {steps: 3, batch_size: 8, slices: 4, seed: 3}\n"
WORDS = ["good", "bad", "film", "plot", "a", "the", "was", "fine", "dull", "never"]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """Texts of 3 to 8 words, whose class is in them."""
    raw = tmp_path / "reviews.csv"
    lines = [" ".join(WORDS[(i * k) % 10] for k in range(1, 4 + i % 6)) for i in range(80)]
    rows = [f"{line},{'up' if 'good' in line else 'down'}" for line in lines]
    raw.write_text("\n".join(["text,label", *rows]))
    import_dataset(raw, tmp_path / "reviews", options={"target": ("label",)}, test_fraction=0.2)
    return tmp_path / "reviews"


def trained(code: str, job: str, data: Path, folder: Path) -> set[str]:
    """Train on 1 and on 2 workers; returns the names of the weights."""
    runs = {}
    for size in (1, 2):
        run = folder / f"run-{size}"
        assigned = assignment(re.sub(r"^train: .*\n", SHORT, job, flags=re.M), data, run)
        (run / "libraries.py").write_text(code)
        runs[size] = bits(run_workers(train, size, folder, assigned), run)
    assert runs[1] == runs[2]
    return set(read_newest(folder / "run-1" / "checkpoints").weights)


def test_a_network_of_timm(stripes: Path, tmp_path: Path) -> None:
    names = trained(TIMM, TIMM_JOB, stripes, tmp_path)

    assert {"net.conv1.weight", "net.layer1.0.conv1.weight", "net.fc.bias"} <= names


def test_a_network_of_transformers(reviews: Path, tmp_path: Path) -> None:
    names = trained(TEXTS, TEXTS_JOB, reviews, tmp_path)

    assert {"net.bert.embeddings.word_embeddings.weight", "net.classifier.bias"} <= names
