"""What own code raised, in the names of the user's own files."""

import re
from pathlib import Path

from distnet.spec.code.ignore import IGNORE_FILE
from distnet.spec.code.importer import PREFIX, loaded_packages

PACKAGE = re.compile(rf"\b{PREFIX}[0-9a-f]{{12}}\.")


def in_own_names(text: str) -> str:
    """Replace the paths of copies, and the names of packages that only distnet knows."""
    for folder in {str(package.folder) for package in loaded_packages()}:
        text = text.replace(f"{folder}/", "")
    return PACKAGE.sub("", text)


def remedy(error: BaseException) -> str:
    """What to do about a file or module that is not in the copy; empty for other errors."""
    if isinstance(error, FileNotFoundError) and _is_in_copy(error.filename):
        return (
            "; a file that your code reads from its own folder is kept and uploaded with it if the "
            "job file lists it: `files: [...]`"
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            "; install it, or have it installed for the job (`packages: [...]`). If it is a module "
            f"of your own, list it in the job file (`files: [...]`), and not in {IGNORE_FILE}"
        )
    return ""


def _is_in_copy(filename: object) -> bool:
    folders = [package.folder for package in loaded_packages()]
    return isinstance(filename, str) and any(Path(filename).is_relative_to(f) for f in folders)
