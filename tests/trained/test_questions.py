"""A network that has learned to find answers in texts: what it answers, and its report."""

import json
from pathlib import Path
from typing import Any

import pytest

from distnet.cli.main import main
from distnet.data.importing import import_dataset
from distnet.errors import DataError, RunError
from distnet.launch.run import run
from distnet.run_folder.evaluation import read_evaluation
from distnet.run_folder.figures import Table
from distnet.trained.evaluate import evaluate
from distnet.trained.load import load_trained
from distnet.trained.questions import answer_questions
from tests.train.small_runs import planned, run_all

JOB = """
name: animals
network: {kind: reader, width: 8, hidden: 8, dropout: 0.0}
task: {kind: answer, longest: 3}
data: {source: ./animals}
optimizer: {kind: adam, learning_rate: 0.02}
train: {epochs: 5, batch_size: 16, slices: 4}
evaluate: {split: test}
"""
NAMES, ANIMALS = ("Ann", "Bob", "Cyd", "Dan"), ("cat", "dog", "cow", "pig", "hen")


def question(context: str, name: str, animal: str, number: str) -> dict[str, Any]:
    answer = f"{animal} {number}"
    return {
        "id": f"{context} {name}",
        "question": f"What has {name}?",
        "answers": [{"text": answer, "answer_start": context.index(answer)}],
    }


def article(number: int, first: str) -> dict[str, Any]:
    """Each of two has an animal, whose name follows that of the owner."""
    owners = [NAMES[(number + i) % 4] for i in (0, 1 + number % 3)]
    animals = [f"{ANIMALS[(number + i) % 5]}" for i in (0, 1 + number % 4)]
    numbers = [str(1 + (number + i) % 7) for i in (0, 2)]
    parts = zip(owners, animals, numbers, strict=True)
    context = f"{first}. " + " ".join(f"{o} has {a} {n}." for o, a, n in parts)
    parts = zip(owners, animals, numbers, strict=True)
    return {"paragraphs": [{"context": context, "qas": [question(context, *p) for p in parts]}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("animals")
    raw = folder / "raw"
    raw.mkdir()
    for split, first, numbers in (("train", "Here", range(90)), ("test", "There", range(20))):
        # The same context again would have the same ids.
        unique = {json.dumps(a): a for a in (article(number, first) for number in numbers)}
        (raw / f"{split}.json").write_text(json.dumps({"data": list(unique.values())}))
    import_dataset(raw, folder / "animals")
    (folder / "animals.yaml").write_text(JOB)
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    done = run(folder / "animals.yaml", inline=True, runs=folder / "runs")
    assert done.metrics["test_f1"] > 0.9
    return done.folder.path


CONTEXT = "There. Bob has pig 3. Dan has HEN 6."


def test_questions_about_a_text_of_the_user(trained: Path) -> None:
    network = load_trained(trained)

    found = answer_questions(network, [CONTEXT, "Ann has cow 2."], ["What has Dan?", "has Ann"])

    assert [one["question"] for one in found] == ["What has Dan?", "has Ann"] * 2
    assert (found[0]["answer"], found[3]["answer"]) == ("HEN 6", "cow 2")  # as it was written
    assert 0.2 < found[0]["probability"] <= 1
    with pytest.raises(DataError, match="text 2: found ' ', expected a text with words"):
        answer_questions(network, [CONTEXT], ["Who?", " "])
    with pytest.raises(RunError, match="no field x, only context, question"):
        network.predict(["What?"])


def test_the_command_line_answers_about_texts_and_files(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.txt").write_text(CONTEXT)
    both = ["--question", "What has Bob?", "--question", "What has Dan?"]

    assert main(["predict", str(trained), str(tmp_path / "t.txt"), *both, "--json"]) == 0

    found = json.loads(capfd.readouterr().out)
    assert [one["answer"] for one in found] == ["pig 3", "HEN 6"]


def test_the_report_shows_answers_and_the_measure_comes_again(trained: Path) -> None:
    record = read_evaluation(trained / "evaluation.json")

    assert record is not None
    (table,) = [f for f in record.figures if isinstance(f, Table)]
    assert table.columns == ("question", "answer", "found", "F1")
    assert evaluate(trained)["metrics"] == pytest.approx(record.metrics)


@pytest.mark.check
def test_workers_change_no_bit(folder: Path, tmp_path: Path) -> None:
    jobs = {"animals": planned(folder / "animals.yaml", "train.steps=6", "train.epochs=null")}

    alone, two, three = (run_all(size, jobs, tmp_path)["animals"] for size in (1, 2, 3))

    assert len(alone.bits[0]) == 1
    assert alone.bits == two.bits == three.bits
