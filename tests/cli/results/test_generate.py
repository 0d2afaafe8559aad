"""`distnet generate`, and the same from Python."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.data.importing import import_dataset
from distnet.errors import RunError

TEXT = "the quick brown fox\njumps over\nthe lazy dog\n" * 40
JOB = """
name: foxes
network: {kind: gpt, layers: 1, heads: 2, width: 16}
task: {kind: language-model, shown_tokens: 10}
data: {source: foxes, view: {kind: pack, length: 16}}
optimizer: {kind: adamw, learning_rate: 0.02}
train: {steps: 60, batch_size: 8}
"""

TUNES = """
name: tunes
network: {kind: gpt, layers: 1, heads: 2, width: 16}
task: {kind: language-model, shown_tokens: 6}
data: {source: tunes, view: {kind: pack, length: 16}}
train: {steps: 2, batch_size: 4}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "foxes.txt").write_text(TEXT)
    import_dataset(folder / "foxes.txt", folder / "foxes", test_fraction=0.1)
    (folder / "foxes.yaml").write_text(JOB)
    distnet.run(folder / "foxes.yaml", inline=True, runs=folder)
    return folder


def printed(capfd: pytest.CaptureFixture[str], runs: Path, *options: str, tokens: int = 30) -> str:
    command = ["generate", "foxes-1", "--runs", str(runs), "--tokens", str(tokens), *options]
    assert main(command) == 0
    return capfd.readouterr().out


def test_the_prompt_is_printed_and_continued(runs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown = printed(capfd, runs, "--prompt", "the quick ", "--temperature", "0")

    assert shown == TEXT[: len("the quick ") + 30] + "\n"


def test_a_seed_makes_one_text(runs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hot = ("--temperature", "2", "--top-k", "9", "--seed")
    first, again, other = (printed(capfd, runs, *hot, seed) for seed in ("3", "3", "4"))

    assert first == again
    assert first != other


def test_json_has_the_text_and_what_it_follows(
    runs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = printed(capfd, runs, "--prompt", "fox", "--seed", "5")

    found = json.loads(printed(capfd, runs, "--prompt", "fox", "--seed", "5", "--json"))

    facts = {"run": "foxes-1", "step": 60, "prompt": "fox", "seed": 5}
    assert found == facts | {"text": shown.removeprefix("fox")[:-1]}


def test_python_has_the_same_text_in_pieces(runs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown = printed(capfd, runs, "--prompt", "the ")

    pieces = list(distnet.load(runs / "foxes-1").generate("the ", tokens=30))

    assert len(pieces) == 30
    assert "the " + "".join(pieces) + "\n" == shown


def test_mistakes_are_named(runs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["generate", "foxes-1", "--runs", str(runs)]

    for wrong, message in (
        (("--prompt", "the \N{SNOWMAN}"), r"foxes-1: prompt: found '\N{SNOWMAN}', .* among the 28"),
        (("--tokens", "0"), "--tokens: found 0, expected a number of at least 1"),
        (("--temperature", "-1"), "--temperature: found -1"),
        (("--top-k", "0"), "--top-k: found 0"),
        (("--checkpoint", "7"), "no checkpoint of step 7"),
    ):
        assert main([*command, *wrong]) == 2
        shown = capfd.readouterr()
        assert shown.out == ""
        assert re.search(message, shown.err), shown.err


def test_a_run_of_another_task_makes_no_text(stripes: Path, tmp_path: Path) -> None:
    job = f"name: lines\nnetwork: {{kind: mlp}}\ndata: {{source: {stripes}}}\ntrain: {{steps: 2}}\n"
    (tmp_path / "lines.yaml").write_text(job)
    run = distnet.run(tmp_path / "lines.yaml", inline=True, runs=tmp_path)

    with pytest.raises(RunError, match="lines-1: .* the task classify, which makes no texts"):
        run.generate("a")


def test_the_report_shows_texts_and_the_loss_by_position(runs: Path) -> None:
    facts = json.loads((runs / "foxes-1" / "evaluation.json").read_text())

    titles = [figure["title"] for figure in facts["figures"]]
    assert titles == [
        "Loss by position in the window",
        "Texts continued at temperature 0.8",
    ]
    assert facts["metrics"]["perplexity"] < 3
    assert [metric["name"] for metric in facts["declared"]] == ["perplexity", "accuracy"]


def test_it_is_evaluated_on_texts_of_the_same_tokens_alone(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.txt").write_text(TEXT.replace("fox", "FOX"))
    import_dataset(tmp_path / "other.txt", tmp_path / "other", test_fraction=0.1)
    command = ["eval", "foxes-1", "--runs", str(runs), "--json"]

    assert main(command) == 0
    found = json.loads(capfd.readouterr().out)
    assert main([*command, "--data", str(tmp_path / "other")]) == 2

    last = json.loads((runs / "foxes-1" / "evaluation.json").read_text())
    assert found["metrics"] == pytest.approx(last["metrics"])
    assert "are 29 tokens (characters), but the network was trained on 28" in capfd.readouterr().err


def test_predictions_of_files_are_sent_to_generate(
    runs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "foxes-1", str(runs / "foxes.txt"), "--runs", str(runs)]) == 2

    assert "continue texts with: distnet generate foxes-1" in capfd.readouterr().err


def test_a_file_has_the_prompt_and_what_follows_it(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new" / "fox.txt"
    shown = printed(capfd, runs, "--prompt", "the ")

    wrote = printed(capfd, runs, "--prompt", "the ", "--output", str(file))

    assert wrote == f"wrote {file}\n"
    assert file.read_text() == shown[:-1]
    command = ["generate", "foxes-1", "--runs", str(runs), "--tokens", "3", "--output", "fox.mid"]
    assert main(command) == 2
    refused = capfd.readouterr()
    assert "found the suffix .mid, expected .txt" in refused.err
    assert "generating" not in refused.err  # it is refused before anything is made


def test_music_is_written_as_lines_of_notes_and_as_midi(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pieces = [[[72, 67, 64, 48]] * 3 + [[71, 67, 62, 55]] * 2] * 12
    (tmp_path / "tunes.json").write_text(json.dumps({"train": pieces, "test": pieces[:2]}))
    import_dataset(tmp_path / "tunes.json", tmp_path / "tunes")
    (tmp_path / "tunes.yaml").write_text(TUNES)
    distnet.run(tmp_path / "tunes.yaml", inline=True, runs=tmp_path)
    command = ["generate", "tunes-1", "--runs", str(tmp_path), "--tokens", "10"]

    assert main([*command, "--prompt", "C5 G4 E4 C3"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert main([*command, "--output", str(tmp_path / "tune.txt"), "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)

    assert [len(line.split()) for line in lines] == [4, 4, 4, 2]
    assert lines[0] == "C5 G4 E4 C3"
    assert facts["file"] == str(tmp_path / "tune.txt")
    file = (tmp_path / "tune.txt").read_text()
    assert [len(line.split()) for line in file.splitlines()] == [4, 4, 2]
    figures = json.loads((tmp_path / "tunes-1" / "evaluation.json").read_text())["figures"]
    assert [figure["kind"] for figure in figures] == ["curve", "piano_roll"]
    assert main([*command, "--prompt", "C5 H4"]) == 2
    assert "prompt: found 'H4', which is not among the 130 tokens" in capfd.readouterr().err
    mido = pytest.importorskip("mido")
    distnet.load(tmp_path / "tunes-1").write("C5 G4 E4 C3\n" + file, tmp_path / "tune.mid")
    tracks = mido.MidiFile(tmp_path / "tune.mid").tracks
    assert [track.name for track in tracks[1:]] == ["soprano", "alto", "tenor", "bass"]
    assert tracks[1][2].note == 72


@pytest.mark.check
def test_ctrl_c_ends_the_text_with_its_line(runs: Path) -> None:
    words = ["generate", "foxes-1", "--runs", str(runs), "--tokens", "10000000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "distnet.cli", *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.read(40)

    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()

    assert len(first) == 40  # printed while it is made
    assert process.wait() == 130
    assert rest.endswith("\n")
