"""The progress of a run in a notebook, and where else it is shown."""

import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from distnet.errors import StoppedError, TrainingError
from distnet.notebook.box import Box
from distnet.notebook.showing import showing
from distnet.report.live.progress import RunProgress
from tests.cli.train.test_progress import ATTEMPT, EPOCH, STEP

END = {"kind": "end", "status": "finished", "step": 7000}
RESULT = {
    "run": "digits-1", "folder": "runs/digits-1", "status": "stopped", "seconds": 12.34,
    "notes": ["nothing was measured"],
}  # fmt: skip


class FakeIPython:
    """In place of the front-end of a notebook: keeps what it is to show."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.ids: set[str] = set()

    def display(self, content: dict[str, str], *, raw: bool, display_id: str) -> None:
        assert raw
        assert display_id not in self.ids
        self.ids.add(display_id)
        self.shown.append(content)

    def update_display(self, content: dict[str, str], *, raw: bool, display_id: str) -> None:
        assert raw
        assert display_id in self.ids
        self.shown.append(content)

    @property
    def html(self) -> str:
        return self.shown[-1]["text/html"]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> FakeIPython:
    fake = FakeIPython()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    return fake


def percent(html: str) -> float:
    [width] = re.findall(r"width: ([\d.]+)%; height: 100%", html)
    return float(width)


def test_the_box_shows_where_training_is(notebook: FakeIPython) -> None:
    with RunProgress(Box()) as progress:
        for record in (ATTEMPT, STEP, STEP | {"step": 5120, "loss": 0.2}, EPOCH):
            progress(record)

    assert notebook.shown[0]["text/plain"] == "starting"
    assert percent(notebook.html) == 80.0  # step 5,600 of 7,000
    assert "epoch 12/15" in notebook.html
    assert "step 5,600/7,000" in notebook.html
    assert "train loss 0.1100  test accuracy 95.88%  120,459 samples/s" in notebook.html
    assert len(re.findall(r'<polyline points="[^" ]+ [^" ]+"', notebook.html)) == 1
    assert notebook.shown[-1]["text/plain"].splitlines() == [
        "epoch 12/15",
        "run digits-1: 7,000 steps on 2 workers",
        "epoch 12/15  train loss 0.1100 accuracy 98.00%  test loss 0.1300 accuracy 95.88%  "
        "120,459 samples/s",
    ]


@pytest.mark.parametrize(
    ("record", "error", "stage"),
    [
        (END, None, "finished"),
        (END | {"status": "stopped", "step": 5200}, None, "stopped"),
        (STEP, TrainingError("the loss is NaN"), "failed"),
        (STEP, StoppedError("stopped before the retry"), "stopped"),
        (STEP, KeyboardInterrupt(), "interrupted"),
    ],
)
def test_the_box_shows_how_the_run_ended(
    record: dict[str, Any], error: BaseException | None, stage: str, notebook: FakeIPython
) -> None:
    def train() -> None:
        with RunProgress(Box()) as progress:
            for one in (ATTEMPT, STEP, record):
                progress(one)
            if error is not None:
                raise error

    if error is None:
        train()
    else:
        with pytest.raises(type(error)):
            train()

    assert f"<strong>{stage}</strong>" in notebook.html
    assert " left" not in notebook.html


def test_what_users_named_is_shown_as_text(notebook: FakeIPython) -> None:
    with RunProgress(Box()) as progress:
        progress(ATTEMPT | {"run": "<img src=x>\u202e"})

    assert "run &lt;img src=x&gt;\\u202e:" in notebook.html


def test_a_notebook_shows_progress_and_how_to_resume(notebook: FakeIPython) -> None:
    with showing(None, None) as shows:
        assert shows.listener is not None
        shows.listener(ATTEMPT)
        shows.end(RESULT)

    lines = notebook.shown[-1]["text/plain"].splitlines()
    assert lines[-3:] == [
        "digits-1 stopped after 12.3 s, its start included",
        "note: nothing was measured",
        "a checkpoint was saved; resume with: distnet.resume('runs/digits-1')",
    ]


@pytest.mark.parametrize("is_listened", [True, False])
def test_a_notebook_shows_nothing_where_that_was_requested(
    is_listened: bool, notebook: FakeIPython
) -> None:
    """By `progress=False`, or by a listener, which shows it in its own way."""
    records: list[dict[str, Any]] = []
    listener = records.append if is_listened else None
    with showing(None if is_listened else False, listener) as shows:
        if shows.listener is not None:
            shows.listener(ATTEMPT)
        shows.end(RESULT)

    assert notebook.shown == []
    assert records == ([ATTEMPT] if is_listened else [])


def test_a_listener_hears_what_a_notebook_shows(notebook: FakeIPython) -> None:
    records: list[dict[str, Any]] = []
    with showing(True, records.append) as shows:
        assert shows.listener is not None
        shows.listener(ATTEMPT)

    assert records == [ATTEMPT]
    assert "run digits-1: 7,000 steps on 2 workers" in notebook.html


def test_a_script_is_silent_unless_it_wants_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with showing(None, None) as shows:
        assert shows.listener is None
    assert capsys.readouterr() == ("", "")

    with showing(True, None) as shows:
        assert shows.listener is not None
        shows.listener(EPOCH)
        shows.end(RESULT | {"status": "finished", "notes": []})

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "starting"
    assert "test loss 0.1300" in err
    assert err.splitlines()[-1] == "digits-1 finished after 12.3 s, its start included"
