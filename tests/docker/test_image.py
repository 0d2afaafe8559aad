"""The image that `make image BUILDER=buildah` has built trains the digits, as its own user.

buildah runs it without a daemon. `make soak` runs this where the image is present.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import distnet

IMAGE = "localhost/distnet"
JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
SHORT = ("train.steps=200",)
BUILDAH = shutil.which("buildah") or "buildah"

Run = Callable[..., str]


def has_image() -> bool:
    if shutil.which("buildah") is None:
        return False
    command = [BUILDAH, "inspect", "--type", "image", IMAGE]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not has_image(), reason="needs make image BUILDER=buildah"),
]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Run a command in a container, as the image's user."""
    container = subprocess.check_output([BUILDAH, "from", IMAGE], text=True).strip()

    def command(*words: str) -> str:
        line = [BUILDAH, "run", "--isolation", "chroot", container, "--", *words]
        return subprocess.check_output(line, text=True)

    try:
        yield command
    finally:
        subprocess.run([BUILDAH, "rm", container], check=True, stdout=subprocess.DEVNULL)


def test_the_user_is_not_root(run: Run) -> None:
    assert run("id", "--user").strip() == "1000"


@pytest.mark.parametrize("how", [["--inline"], ["--workers", "2"]], ids=["inline", "ray"])
def test_the_digits_get_the_weights_that_they_get_outside(
    run: Run, how: list[str], tmp_path: Path
) -> None:
    expected = distnet.run(JOB, inline=True, overrides=SHORT, runs=tmp_path).result

    sets = [word for text in SHORT for word in ("--set", text)]
    result = json.loads(run("distnet", "run", "jobs/digits.yaml", *how, *sets, "--json"))

    assert result["status"] == "finished"
    assert result["weights_sha256"] == expected["weights_sha256"]
