"""A network that has learned from texts: its predictions, report, exports, and first job file."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from distnet.cli.main import main
from distnet.data.importing import import_dataset
from distnet.errors import DataError, RunError
from distnet.launch.run import run
from distnet.run_folder.evaluation import read_evaluation
from distnet.run_folder.figures import Table
from distnet.trained.evaluate import evaluate
from distnet.trained.export import export
from distnet.trained.load import load_trained
from distnet.trained.other_data import refuse_other_kind
from distnet.trained.predict import predict

GOOD = ("good", "fine", "great", "lovely")
BAD = ("bad", "dull", "awful", "poor")
JOB = """
name: films
network: {kind: lstm, width: 8, hidden: 8, dropout: 0.0}
task: {kind: classify}
data: {source: ./films}
optimizer: {kind: adam, learning_rate: 0.02}
train: {epochs: 3, batch_size: 16, slices: 2}
evaluate: {split: test}
"""


def films(folder: Path) -> Path:
    """Texts whose class is that of one of their words; one label of the test is wrong."""
    rows = [
        f"the {noun} is {'really ' * (i % 3)}{word} .\t{label}\n"
        for label, words in (("positive", GOOD), ("negative", BAD))
        for word in words
        for i, noun in enumerate(("film", "cast", "plot", "end", "music", "start"))
    ]
    raw = folder / "raw"
    raw.mkdir()
    (raw / "train.tsv").write_text("text\tlabel\n" + "".join(rows * 2))
    wrong = "the film is not what anybody would call great\tnegative\n"
    (raw / "test.tsv").write_text("text\tlabel\n" + "".join(rows[::3]) + wrong)
    import_dataset(raw, folder / "films")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = films(tmp_path_factory.mktemp("texts"))
    (folder / "films.yaml").write_text(JOB)
    done = run(folder / "films.yaml", inline=True, runs=folder / "runs")
    assert 0.9 < done.metrics["test_accuracy"] < 1
    return done.folder.path


def test_texts_are_predicted_from_python(trained: Path) -> None:
    network = load_trained(trained)

    found = network.predict(["The plot isn't dull", "a lovely, great cast!"])

    assert [one["class"] for one in found] == ["negative", "positive"]
    (alone,) = network.predict("The plot isn't dull")
    assert alone["probability"] == pytest.approx(found[0]["probability"])
    assert network.predict([]) == []
    with pytest.raises(DataError, match=r"text 2: found ' ', expected a text with words"):
        network.predict(["fine", " "])
    with pytest.raises(DataError, match=r"text 1: found bytes that are not UTF-8"):
        network.predict(["caf\udce9"])  # as Python reads a byte of a command line


def test_texts_beside_a_very_long_one_are_predicted_as_alone(trained: Path) -> None:
    network = load_trained(trained)
    texts = ["a fine film", "so dull , " * 4_000, "a lovely cast", *["poor"] * 99]  # 40,000 letters

    found = [one["probability"] for one in network.predict(texts)]

    alone = [network.predict(text)[0]["probability"] for text in texts[:4]]
    assert found[:4] == pytest.approx(alone, rel=1e-5)
    assert found[4:] == pytest.approx([alone[3]] * 98, rel=1e-5)


def test_predict_takes_texts_and_files_of_texts(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new.txt"
    file.write_text("an awful\x0cstart\na fine\u2028end\n")  # one line each
    texts = ["--text", "great", "--text", "a poor film"]

    assert main(["predict", str(trained), str(file), *texts, "--json"]) == 0

    found = json.loads(capfd.readouterr().out)
    assert [(one["input"], one["class"]) for one in found] == [
        ("great", "positive"),
        ("a poor film", "negative"),
        ("an awful\x0cstart", "negative"),
        ("a fine\u2028end", "positive"),
    ]
    assert [one.get("row") for one in found] == [None, None, 1, 2]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("new.txt", b"fine\n\nbad\n", "new.txt:2: found an empty line"),
        ("new.txt", b"fine\n\xe2\x80\x83\xe2\x80\xa8\n", "new.txt:2: found an empty line"),
        ("new.txt", b"fine\ncaf\xe9\n", "new.txt:2: not UTF-8"),
        ("new.txt", b"", "found an empty file"),
        ("new.csv", b"text,label\nfine,a\n ,b\n", "new.csv:3: the text 'text' is empty"),
        ("new.csv", b"words,label\na fine film,1\n", "found no column 'text', the texts that the"),
    ],
)
def test_predict_names_what_is_wrong_with_a_file(
    trained: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    message: str,
) -> None:
    (tmp_path / name).write_bytes(content)

    assert main(["predict", str(trained), str(tmp_path / name)]) == 2
    assert message in capfd.readouterr().err


def test_predict_takes_the_very_table_that_was_imported(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table, lines = trained.parents[1] / "raw" / "test.tsv", tmp_path / "lines.txt"
    rows = [line.split("\t") for line in table.read_text().splitlines()[1:]]
    lines.write_text("".join(f"{text}\n" for text, _ in rows))
    other = pa.table({"n": range(len(rows)), "text": [text for text, _ in rows]})
    pq.write_table(other, tmp_path / "rows.parquet")
    (tmp_path / "plain.csv").write_text("".join(f'"{text}"\n' for text, _ in rows))
    files = [table, lines, tmp_path / "rows.parquet", tmp_path / "plain.csv"]

    found = [
        [(one["row"], one["input"], one["class"]) for one in predict(load_trained(trained), [file])]
        for file in files
    ]

    assert [found[0][row][2] for row in (0, 16)] == ["positive", "positive"]
    assert len(found[0]) == 17
    assert found == [found[0]] * 4
    assert main(["predict", str(trained), str(lines), "--delimiter", "tab"]) == 2
    assert "--delimiter: found no CSV file among those to predict" in capfd.readouterr().err


def test_predict_needs_something_to_predict(
    trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(trained)]) == 2
    assert "give files, or a text: --text TEXT" in capfd.readouterr().err


def test_the_report_shows_the_worst_texts(trained: Path) -> None:
    record = read_evaluation(trained / "evaluation.json")
    assert record is not None

    (worst,) = [one for one in record.figures if one.title == "Worst samples"]

    assert isinstance(worst, Table)
    assert worst.columns[-1] == "content"
    row = dict(zip(worst.columns, worst.rows[0], strict=True))
    assert row["content"] == "the film is <unk> <unk> <unk> <unk> <unk> great"
    assert (row["actual"], row["predicted"]) == ("negative", "positive")


def test_texts_of_another_vocabulary_are_not_evaluated(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "new.tsv").write_text("the film is good\tpositive\na bad film\tnegative\n" * 2)
    import_dataset(tmp_path / "new.tsv", tmp_path / "new", test_fraction=0)

    message = r"are 7 tokens .*trained on 19 tokens .*; .*--like and the dataset .*, films"
    with pytest.raises(DataError, match=message):
        evaluate(trained, data=str(tmp_path / "new"), split="train")


def test_merges_are_part_of_what_tokens_mean(trained: Path, tmp_path: Path) -> None:
    """The same vocabulary, put together otherwise, makes other tokens of a text."""
    data = load_trained(trained).data
    x = data.x.model_copy(update={"merges": (("f", "i"),)})
    other = data.model_copy(update={"fields": {**data.fields, "x": x}})

    with pytest.raises(DataError, match="19 tokens .* trained on 19 tokens .*made otherwise"):
        refuse_other_kind(tmp_path, other, data)


def test_texts_imported_like_those_learned_are_measured_as_they_are(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    films, again = trained.parents[1], tmp_path / "again"
    source = str(films / "raw" / "test.tsv")
    like = ["--like", str(films / "films"), "--test-fraction", "1"]

    assert main(["data", "import", source, str(again), *like]) == 0
    assert main(["eval", str(trained), "--data", str(again), "--json"]) == 0

    out = capfd.readouterr().out
    found = json.loads(out[out.index("\n{") :])
    assert found["metrics"] == evaluate(trained)["metrics"]
    assert (found["split"], found["num_samples"]) == ("test", 17)


def test_weights_are_exported_and_onnx_is_refused_at_once(trained: Path, tmp_path: Path) -> None:
    network = load_trained(trained)

    (file,) = export(network, output=tmp_path / "out", formats=["safetensors"]).files

    with safe_open(file, framework="np") as weights:
        facts = weights.metadata()
    assert (facts["tokenizer"], len(json.loads(facts["vocabulary"]))) == ("words", 19)
    with pytest.raises(RunError, match="the field x is tokens, and ONNX files are made for images"):
        export(network, output=tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_inspect_shows_texts(trained: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dataset = trained.parents[1] / "films"
    assert main(["data", "inspect", str(dataset)]) == 0

    shown = capfd.readouterr().out
    assert "text of up to 9 words, 19 different ones" in shown
    assert "the film is good ." in shown


def test_the_first_job_file_for_texts_runs(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    assert main(["init", str(trained.parents[1] / "films"), "-o", str(file)]) == 0

    steps = ["train.epochs=1", "network.hidden=4"]
    done = run(file, inline=True, runs=tmp_path / "runs", overrides=steps)

    assert 0 <= done.metrics["test_accuracy"] <= 1
