"""Which files are installed: their version says what is in them."""

import os
import sysconfig
from pathlib import Path

import distnet

FOLDERS = ("site-packages", "dist-packages", ".cache")
"""Of packages, and of what may be made again."""
LIBRARIES = (sysconfig.get_path("stdlib"), str(Path(distnet.__file__).parent))


def is_installed(path: str) -> bool:
    """Whether a path belongs to Python, to distnet, or to an installed package."""
    return path.startswith(LIBRARIES) or any(part in FOLDERS for part in path.split(os.sep))
