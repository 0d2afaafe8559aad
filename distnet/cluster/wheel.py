"""The wheel of this checkout, which is installed on the nodes."""

import subprocess
import sys
from pathlib import Path

import distnet
from distnet.cluster.versions import version_of
from distnet.errors import DistnetError

LAST_LINES = 5


def wheel_name() -> str:
    """The file name of the wheel."""
    return f"distnet-{version_of('distnet')}-py3-none-any.whl"


def checkout() -> Path:
    """The folder of the checkout from which distnet runs.

    Raises:
        DistnetError: it runs from an installed package.
    """
    folder = Path(distnet.__file__).parents[1]
    if not (folder / "pyproject.toml").is_file():
        raise DistnetError(
            f"install: checkout: found distnet in {folder}, expected a checkout of its sources; "
            "use install: index"
        )
    return folder


def build_wheel(folder: Path) -> Path:
    """Build the wheel into `folder`, over one that is there, and return its path.

    Raises:
        DistnetError: there is no checkout, or pip fails.
    """
    options = ("--no-deps", "--quiet", "--disable-pip-version-check", "--wheel-dir", str(folder))
    ended = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(checkout())],
        capture_output=True,
        text=True,
        check=False,
    )
    wheel = folder / wheel_name()
    if ended.returncode != 0 or not wheel.is_file():
        lines = (ended.stderr or ended.stdout).strip().splitlines()[-LAST_LINES:]
        raise DistnetError("\n".join(["install: checkout: pip could not build a wheel", *lines]))
    return wheel
