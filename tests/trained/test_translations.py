"""A network that has learned to translate: predictions, evaluations, report, exports, first job."""

import json
from itertools import product
from pathlib import Path

import pytest
from safetensors import safe_open

from distnet.cli.main import main
from distnet.data.importing import import_dataset
from distnet.errors import RunError
from distnet.launch.run import run
from distnet.run_folder.evaluation import read_evaluation
from distnet.run_folder.figures import Table
from distnet.trained.evaluate import evaluate
from distnet.trained.export import export
from distnet.trained.load import load_trained

WORDS = {
    "ein": "a",
    "zwei": "two",
    "Hund": "dog",
    "Kind": "child",
    "läuft": "runs",
    "lacht": "laughs",
}
JOB = """
name: captions
network: {kind: seq2seq-transformer, width: 32, heads: 2, layers: 1, hidden: 32, dropout: 0.0}
task: {kind: translate}
data: {source: ./captions}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 12, batch_size: 16, slices: 2}
evaluate: {split: test, every_epochs: 12}
"""


def captions(folder: Path) -> Path:
    """Sentences of three words, whose order is turned around by the translation."""
    words = list(WORDS)
    german = [list(parts) for parts in product(words[:2], words[2:4], words[4:])] * 12
    raw = folder / "raw"
    raw.mkdir()
    for name, part in (("train", german), ("test", german[:8])):
        english = [" ".join(WORDS[word] for word in reversed(parts)) + "." for parts in part]
        (raw / f"{name}.de").write_text("".join(" ".join(parts) + ".\n" for parts in part))
        (raw / f"{name}.en").write_text("\n".join(english) + "\n")
    options = {"source_lang": "de", "target_lang": "en", "vocabulary": 280}
    import_dataset(raw, folder / "captions", options=options)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = captions(tmp_path_factory.mktemp("pairs"))
    (folder / "captions.yaml").write_text(JOB)
    done = run(folder / "captions.yaml", inline=True, runs=folder / "runs")
    assert done.metrics["test_bleu"] == pytest.approx(100)
    return done.folder.path


def test_texts_are_translated_from_python(trained: Path) -> None:
    found = load_trained(trained).predict(["zwei Hund lacht.", "ein Kind läuft."])

    assert [one["translation"] for one in found] == ["laughs dog two.", "runs child a."]


def test_predict_prints_translations(trained: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(trained), "--text", "zwei Kind läuft."]) == 0

    shown = capfd.readouterr().out
    assert "translation" in shown
    assert "runs child two." in shown


def test_an_evaluation_again_is_the_same(trained: Path) -> None:
    record = read_evaluation(trained / "evaluation.json")
    assert record is not None

    again = evaluate(trained)

    assert again["metrics"] == record.metrics
    assert [metric.name for metric in record.declared] == ["bleu", "perplexity", "token_accuracy"]
    bleu, shown = record.figures
    assert isinstance(bleu, Table)
    assert isinstance(shown, Table)
    assert "sacrebleu nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in bleu.title
    assert shown.rows[0] == ("ein Hund läuft.", "runs dog a.", "runs dog a.")


@pytest.mark.check
def test_the_report_has_the_translations(trained: Path) -> None:
    assert main(["report", str(trained)]) == 0

    page = (trained / "report.html").read_text()
    assert "laughs child two." in page
    assert "smooth:exp" in page


def test_weights_are_exported_with_both_vocabularies(trained: Path, tmp_path: Path) -> None:
    network = load_trained(trained)

    (file,) = export(network, output=tmp_path / "out", formats=["safetensors"]).files

    with safe_open(file, framework="np") as weights:
        facts = weights.metadata()
    assert "\u0120Hund" in json.loads(facts["vocabulary"])
    assert "\u0120dog" in json.loads(facts["target_vocabulary"])
    assert (facts["tokenizer"], facts["target_tokenizer"]) == ("bpe", "bpe")
    with pytest.raises(RunError, match="the field x is tokens, and ONNX files are made for images"):
        export(network, output=tmp_path / "other")


def test_the_first_job_file_for_pairs_runs(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    assert main(["init", str(trained.parents[1] / "captions"), "-o", str(file)]) == 0
    assert "kind: seq2seq-transformer" in file.read_text()

    small = ["train.epochs=1", "network.width=8", "network.layers=1", "evaluate.samples=2"]
    done = run(file, inline=True, runs=tmp_path / "runs", overrides=small)

    assert 0 <= done.metrics["test_bleu"] <= 100
