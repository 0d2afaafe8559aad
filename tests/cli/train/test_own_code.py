"""A run keeps its own code: later commands use the copy, and say when the user's files differ."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distnet.cli.main import main

JOB = """name: own
network: {kind: './mynet.py:Net', words: words.txt}
data: {source: DATASET}
train: {steps: 4, batch_size: 32}
"""
READ = "Path(__file__).with_name(words).read_text()"
NET = f"""import torch
from pathlib import Path
from layers import activation
class Net(torch.nn.Module):
    def __init__(self, input_shape, num_outputs, *, words: str):
        super().__init__()
        width = len({READ})
        self.first = torch.nn.Linear(144, width)
        self.last = torch.nn.Linear(width, num_outputs)
    def forward(self, x):
        import late
        return self.last(late.same(activation(self.first(x.flatten(1)))))
"""
FILES = {
    "mynet.py": NET,
    "layers.py": "import torch\ndef activation(x):\n    return torch.relu(x)\n",
    "late.py": "def same(x):\n    return x\n",
    "words.txt": "eight...",
}


@pytest.fixture
def job(tmp_path: Path, stripes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATASET", str(stripes)))
    return path


class Printed:
    """What commands print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert main(arguments) == code
        out, self.err = self._capsys.readouterr()
        return out

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def run(self, *arguments: str) -> str:
        """Train, and return the hash of the weights."""
        result = self.json("run", *arguments, "--inline", "--no-report")
        sha256: str = result["weights_sha256"]
        return sha256

    @property
    def notes(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("note: ")]


@pytest.fixture
def distnet(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


def attempts(run: str) -> list[str | None]:
    lines = Path("runs", run, "metrics.jsonl").read_text().splitlines()
    return [line["code"] for line in map(json.loads, lines) if line["kind"] == "attempt"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("layers.py", FILES["layers.py"].replace("relu", "tanh")),
        ("late.py", "def same(x):\n    return -x\n"),
        ("mynet.py", NET.replace("activation(self", "torch.tanh(self")),
        ("words.txt", "twelve......"),
    ],
)
def test_later_commands_use_the_code_that_the_run_began_with(
    name: str, text: str, job: Path, distnet: Printed
) -> None:
    whole = distnet.run("job.yaml", "--name", "whole")
    distnet.run("job.yaml", "--name", "b", "--set", "train.steps=2")
    metrics = distnet.json("eval", "whole")["metrics"]
    assert distnet.notes == []
    Path(name).write_text(text)

    assert distnet.run("--resume", "b", "--set", "train.steps=4") == whole
    [note] = distnet.notes
    assert f"{name} has changed beside the job file" in note
    assert "--start-from" in note
    assert "distnet run --resume runs/b --new-code" in note
    assert distnet.json("eval", "whole")["metrics"] == metrics
    assert f"{name} has changed" in distnet.notes[0]
    assert len(set(attempts("b"))) == 1


def test_every_command_that_uses_a_run_says_what_differs(job: Path, distnet: Printed) -> None:
    distnet.run("job.yaml", "--name", "a")
    Image.fromarray(np.zeros((12, 12), np.uint8)).save("a.png")
    Path("layers.py").write_text(FILES["layers.py"] + "import new\n")
    Path("new.py").write_text("")
    Path("late.py").unlink()

    for command in (
        ["eval", "a"],
        ["predict", "a", "a.png", "--as-is"],
        ["export", "a", "--format", "safetensors"],
    ):
        distnet(*command)
        [note] = distnet.notes
        assert "late.py is missing, layers.py has changed, new.py is new beside" in note


def test_a_run_whose_job_was_moved_is_used_without_a_word(job: Path, distnet: Printed) -> None:
    distnet.run("job.yaml", "--name", "a")
    for name in FILES:
        Path(name).unlink()
    shutil.move("runs/a", "elsewhere")

    distnet("eval", "elsewhere")

    assert distnet.notes == []


def test_new_code_is_adopted_when_it_is_requested(job: Path, distnet: Printed) -> None:
    distnet.run("job.yaml", "--name", "a", "--set", "train.steps=2")
    Path("layers.py").write_text(FILES["layers.py"].replace("relu", "tanh"))

    distnet.run("--resume", "a", "--set", "train.steps=4", "--new-code")

    first, second = attempts("a")
    assert first != second
    assert distnet.notes == []
    shown = " ".join(distnet("show", "a").split())
    assert f"code {second and second[:12]}: late.py, layers.py, mynet.py, words.txt" in shown
    assert f"up to attempt 1 {first and first[:12]}" in shown
    distnet("eval", "a")
    assert distnet.notes == []


def test_runs_of_other_code_differ_in_a_comparison(job: Path, distnet: Printed) -> None:
    distnet.run("job.yaml", "--name", "a")
    Path("layers.py").write_text(FILES["layers.py"].replace("relu", "tanh"))
    distnet.run("job.yaml", "--name", "b", "--start-from", "a")

    differing = distnet.json("compare", "a", "b")["job"]

    assert differing.keys() == {"code.sha256", "code.layers.py"}
    assert "code.layers.py" in distnet("compare", "a", "b")


def test_a_copy_that_was_changed_is_refused(job: Path, distnet: Printed) -> None:
    distnet.run("job.yaml", "--name", "a", "--set", "train.steps=2")
    [copy] = Path("runs/a/code").iterdir()
    (copy / "layers.py").write_text(FILES["layers.py"].replace("relu", "tanh"))

    for command in (["run", "--resume", "a", "--set", "train.steps=4", "--inline"], ["eval", "a"]):
        distnet(*command, code=2)
        assert "the run's copy of its code was changed: layers.py; expected" in distnet.err


def test_a_run_without_a_copy_uses_the_files_beside_the_job(job: Path, distnet: Printed) -> None:
    whole = distnet.run("job.yaml", "--name", "whole")
    distnet.run("job.yaml", "--name", "a", "--set", "train.steps=2")
    plan = json.loads(Path("runs/a/plan.json").read_text())
    del plan["code"], plan["code_sha256"]
    Path("runs/a/plan.json").write_text(json.dumps(plan))
    shutil.rmtree("runs/a/code")

    distnet("eval", "a")

    assert "whether it has changed since cannot be checked" in distnet.notes[0]
    assert distnet.run("--resume", "a", "--set", "train.steps=4") == whole
    assert "cannot be checked" in distnet.notes[0]
    distnet("eval", "a")  # the resume has kept a copy
    assert distnet.notes == []


def test_errors_in_training_name_the_users_own_file(job: Path, distnet: Printed) -> None:
    Path("late.py").write_text("def same(x):\n    assert len(x) < 30, 'too many'\n    return x\n")

    distnet("run", "job.yaml", "--inline", "--name", "a", code=3)

    assert "AssertionError: too many (at late.py:2, in same)" in distnet.err
    assert 'File "late.py", line 2' in Path("runs/a/logs/worker-0.log").read_text()


@pytest.mark.parametrize("is_late", [False, True])
def test_a_file_that_the_code_reads_and_nobody_named_is_missed_at_once(
    is_late: bool, job: Path, distnet: Printed
) -> None:
    read = "Path(__file__).with_name('words' + '.txt').read_text()"
    source = NET if is_late else NET.replace("class Net", f"WORDS = {read}\nclass Net")
    Path("mynet.py").write_text(source.replace(READ, read if is_late else "WORDS"))
    unnamed = job.read_text().replace(", words: words.txt", ", words: none")
    job.write_text(unnamed)

    distnet("check", "job.yaml", "--inline", code=2)
    assert "words.txt" in distnet.err
    assert "files: [" in distnet.err
    job.write_text(f"{unnamed}files: [words.txt]\n")
    assert set(distnet.json("check", "job.yaml", "--inline")["code"]) == set(FILES)


def test_new_code_and_start_from_fit_their_commands(job: Path, distnet: Printed) -> None:
    distnet("run", "job.yaml", "--new-code", code=2)
    assert "--new-code: expected --resume RUN with it" in distnet.err
    distnet("run", "--resume", "a", "--start-from", "b", code=2)
    assert "--start-from: found --resume beside it" in distnet.err


def test_what_own_code_prints_is_not_in_the_json(job: Path, distnet: Printed) -> None:
    noisy = NET.replace("import torch\n", "import torch\nprint('imported')\n", 1)
    Path("mynet.py").write_text(noisy.replace("import late", "import late; print('called')"))

    assert distnet.json("check", "job.yaml", "--inline")["network"] == "./mynet.py:Net"
    distnet.run("job.yaml", "--name", "a")  # reads the JSON

    assert "imported\n" in distnet.err
    assert "called\n" in distnet.err


def test_code_from_elsewhere_that_has_changed_is_named(
    job: Path, distnet: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = job.parent / "elsewhere"
    (elsewhere / "tools").mkdir(parents=True)
    (elsewhere / "tools/__init__.py").write_text("from .inner import X\n")
    (elsewhere / "tools/inner.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(elsewhere))
    Path("layers.py").write_text(f"from tools import X\n{FILES['layers.py']}")
    distnet.run("job.yaml", "--name", "a", "--set", "train.steps=2")
    distnet("eval", "a")
    assert distnet.notes == []
    (elsewhere / "tools/inner.py").write_text("X = 2\n")

    distnet("eval", "a")
    [note] = distnet.notes
    assert f"the code of a uses {elsewhere}/tools/inner.py from outside of the run's copy" in note
    distnet.run("--resume", "a", "--set", "train.steps=4")
    assert distnet.notes == [note]
    distnet("eval", "a")  # from the resume on, the run is one with that code
    assert distnet.notes == []


def test_a_file_that_code_opens_in_the_current_folder_is_not_that_of_the_copy(
    job: Path, distnet: Printed
) -> None:
    Path("mynet.py").write_text(NET.replace(READ, "open('words.txt').read()"))
    distnet.run("job.yaml", "--name", "a")
    [note] = distnet.notes
    assert "the job's code opens words.txt in the folder of the job file" in note
    assert "Path(__file__).with_name('words.txt')" in note
    Path("words.txt").write_text("8 others")

    distnet("eval", "a")

    assert "words.txt has changed beside the job file" in distnet.notes[0]
    assert f"the code of a uses {job.parent}/words.txt from outside" in distnet.notes[1]
