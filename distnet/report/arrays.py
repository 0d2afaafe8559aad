"""The arrays of `pictures.npz`, which figures of images name."""

import zipfile
from pathlib import Path

import numpy as np

from distnet.errors import RunError
from distnet.report.parts import Arrays


def read_arrays(path: Path) -> Arrays:
    """Read all arrays; none where the file is missing.

    Raises:
        RunError: the file cannot be read or is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(_damaged(path, f"({error})")) from None
    for name, array in arrays.items():
        if array.ndim not in (3, 4):
            found = f"expected [n, C, H, W] or [n, H, W], found {list(array.shape)}"
            raise RunError(_damaged(path, f"at {name}: {found}"))
    return arrays


def _damaged(path: Path, what: str) -> str:
    return f"{path}: damaged {what}; delete the file to continue without it"
