"""The page for users of notebooks, executed by a real Jupyter kernel; and its interrupts."""

import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import pyarrow.parquet as pq
import pytest
from nbclient.exceptions import CellExecutionError
from PIL import Image

import distnet
from distnet.run_folder.records.history import read_history
from tests.notebook.notebooks import PAGE, ROOT, cells_of, client_of, printed, shown

pytestmark = [pytest.mark.check, pytest.mark.ray]
LONG = """
import distnet
run = distnet.run("jobs/digits.yaml", {where}, overrides={{"train.epochs": 200}})
run
"""
RESUME = """
run = distnet.resume("digits-1", inline=True, overrides={{"train.steps": {steps}}})
run
"""
WRONG = """
import distnet
distnet.run("jobs/digits.yaml", overrides={"train.epoch": 3})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs").symlink_to(ROOT / "jobs")
    return tmp_path


def draw_seven(file: Path) -> None:
    """The first image of the test split of MNIST, dark on light and larger, as a user has it."""
    rows = pq.read_table(ROOT / "distnet" / "data" / "mnist" / "test-00000.parquet")
    assert rows["y"][0].as_py() == 7
    image = Image.frombytes("L", (28, 28), rows["x"][0].as_py()).point(lambda value: 255 - value)
    image.resize((112, 112)).save(file)


def outputs_by_call(cells: list[Any]) -> dict[str, list[Any]]:
    """The outputs of each cell, by its last line."""
    return {cell.source.strip().splitlines()[-1]: cell.outputs for cell in cells}


def test_the_page_is_a_notebook_that_shows_progress_curve_and_report(folder: Path) -> None:
    draw_seven(folder / "seven.png")
    client = client_of(cells_of(PAGE), folder)

    client.execute()

    found = outputs_by_call(client.nb.cells)
    run = distnet.open(folder / "runs" / "digits-1")
    history, third = run.history, run.history.loc[3]
    [training] = [v for k, v in found.items() if k.startswith("run = distnet.run(")]
    [progress] = shown(training)
    assert "<strong>finished</strong>" in progress
    assert "step 705/705" in progress
    assert re.search(r'<polyline points="[\d., ]{200,}"', progress)  # the curve of the loss
    assert f"test accuracy {third['test_accuracy']:.2%}" in progress
    for epoch in (1, 2, 3):
        assert f"test loss {history.loc[epoch, 'test_loss']:.4f}" in progress
    assert "705 steps on 2 workers" in progress
    assert printed(training) == ""  # nothing of Ray's own
    [card] = shown(found["run"])
    assert f"{third['test_accuracy']:.2%}" in card
    assert ">finished<" in card
    [accuracy] = shown(found['run.metrics["test_accuracy"]'], "text/plain")
    assert float(accuracy) == third["test_accuracy"]
    [frame] = [v for k, v in found.items() if k.startswith("run.history[[")]
    assert f"{third['train_loss']:.6f}" in shown(frame)[0]
    [svg] = shown(found['run.figure("loss")'], "image/svg+xml")
    assert f"test, best {min(history['test_loss'][:3]):.4g}" in svg
    assert "Confusion matrix" in (folder / "confusion.svg").read_text()
    [page] = shown(found["run.report()"])
    assert f"&lt;dd&gt;{third['test_accuracy']:.2%}&lt;/dd&gt;" in page
    assert page.count("&lt;svg") >= 5
    [prediction] = shown(found['run.predict("seven.png")'], "text/plain")
    assert "'class': '7'" in prediction
    assert (folder / "exported" / "digits-1.safetensors").is_file()
    assert shown(found["run.status"], "text/plain") == ["'finished'"]
    assert shown(found['run.history["test_accuracy"].size'], "text/plain")[-1] == "4"
    nbformat.validate(client.nb)


def interrupt(client: Any, run: Path, seconds: float = 200.0) -> None:
    """Interrupt the kernel once the run trains, as Jupyter does: with all of its children."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if read_history(run / "metrics.jsonl").steps:
            os.killpg(os.getpgid(client.km.provisioner.pid), signal.SIGINT)
            return
        time.sleep(0.1)


@pytest.mark.parametrize("where", ["inline=True", "workers=2"])
def test_an_interrupt_saves_says_how_to_resume_and_loses_nothing(where: str, folder: Path) -> None:
    run = folder / "runs" / "digits-1"
    client = client_of([LONG.format(where=where)], folder)
    thread = threading.Thread(target=interrupt, args=(client, run))
    thread.start()

    client.execute()

    thread.join()
    [progress, card] = shown(client.nb.cells[0].outputs)
    stopped = distnet.open(run).result
    assert stopped["status"] == "stopped"
    assert "<strong>stopped</strong>" in progress
    assert "resume with: distnet.resume(&#39;runs/digits-1&#39;)" in progress
    assert "<code>distnet.resume(&#39;runs/digits-1&#39;)</code>" in card
    assert "interrupt again" in printed(client.nb.cells[0].outputs)
    assert read_history(run / "metrics.jsonl").checkpoints[-1].step == stopped["steps"]
    steps = stopped["steps"] + 20
    client_of([f"import distnet{RESUME.format(steps=steps)}"], folder).execute()
    history = read_history(run / "metrics.jsonl")
    assert history.resumed_at == (stopped["steps"],)
    assert distnet.open(run).result["steps"] == steps


def test_a_mistake_shows_its_message_and_no_traceback(folder: Path) -> None:
    client = client_of([WRONG], folder)

    with pytest.raises(CellExecutionError):
        client.execute()

    [error] = client.nb.cells[0].outputs
    assert error["ename"] == "JobFileError"
    assert len(error["traceback"]) == 1
    assert error["traceback"][0].startswith("JobFileError: ")
    assert "did you mean `epochs`?" in error["traceback"][0]
