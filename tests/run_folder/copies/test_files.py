"""Which files of a run are copied; paths come from another machine."""

import pytest

from distnet.run_folder.copies.files import checkpoint_of, is_copied


@pytest.mark.parametrize(
    "path",
    [
        "job.yaml",
        "metrics.jsonl",
        "start.safetensors",
        "checkpoints/step-00000938/manifest.json",
        "code/0123456789ab/deep/my net.py",
        "logs/worker-0.log",
        "export/network.onnx",
    ],
)
def test_what_describes_a_run_is_copied(path: str) -> None:
    assert is_copied(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "..", "/etc/passwd", "../x", "code/../../x", "code/", "code//x", "code/./x"),
        *("code\\..\\x", "code/a\0b", "code/a\nb", "code/\udcff", "code/" + "x" * 1000),
        *("heartbeats/worker-0", "fence", "stop", "other.txt", "report.html", "metrics.jsonl/x"),
        *("checkpoints/x", "checkpoints/step-1", "checkpoints/damaged-step-00000938/x"),
        *("checkpoints/.partial-1-step-00000938/x", "code/.partial-17-net.py", "fetched.json"),
    ],
)
def test_nothing_else_is(path: str) -> None:
    assert not is_copied(path)


def test_a_file_belongs_to_its_checkpoint() -> None:
    assert checkpoint_of("checkpoints/step-00000938/state.json") == "step-00000938"
    assert checkpoint_of("metrics.jsonl") is None
