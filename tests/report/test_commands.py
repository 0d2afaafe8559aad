"""What a run offers next fits what its network does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from distnet.report.commands import MAKES, commands
from distnet.report.find import find_run
from distnet.report.run import Run, read_run
from distnet.report.summary import summarise
from distnet.spec.parts import kinds
from tests.run_folder.run_folders import digits_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = digits_run(tmp_path / "run")
    (folder / "checkpoints/step-00000060").mkdir(parents=True, exist_ok=True)
    return read_run(find_run(str(folder), tmp_path))


def offered(run: Run) -> list[str]:
    return [command for _, command in commands(run, summarise(run))]


@pytest.mark.parametrize(
    ("task", "command"),
    [
        ("deep-q", "distnet play {}"),
        ("gan", "distnet sample {}"),
        ("language-model", 'distnet generate {} --prompt "..."'),
        ("classify", "distnet predict {} image.png"),
    ],
)
def test_a_network_is_used_for_what_its_task_makes(run: Run, task: str, command: str) -> None:
    assert run.evaluation is not None
    made = replace(run, evaluation=run.evaluation.model_copy(update={"task": task}))

    assert offered(made)[0] == command.format(run.folder.path)


@pytest.mark.parametrize(
    ("kind", "example", "export"),
    [
        ("tokens", '--text "..."', "--format safetensors"),
        ("audio", "sound.wav", "--format safetensors"),
        ("image", "image.png", ""),
    ],
)
def test_the_example_is_of_the_kind_of_data(run: Run, kind: str, example: str, export: str) -> None:
    run.folder.data_manifest.write_text(json.dumps({"fields": {"x": {"kind": kind}}}))

    predict, _, exported, *_ = offered(run)

    assert predict == f"distnet predict {run.folder.path} {example}"
    assert exported == f"distnet export {run.folder.path} {export}".strip()


def test_the_tasks_that_make_something_exist() -> None:
    assert MAKES.keys() <= set(kinds("tasks"))
