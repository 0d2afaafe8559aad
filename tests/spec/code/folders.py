"""Folders with a job file and own code."""

from collections.abc import Mapping
from pathlib import Path

from distnet.spec.code.collect import OwnCode, own_code
from distnet.spec.read import JobFile, read_job_text

NET = "class Net:\n    def __init__(self, input_shape, num_outputs, **options): ...\n"


def fill(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def job(folder: Path, text: str = "network: {kind: './mynet.py:Net'}") -> JobFile:
    return read_job_text(f"name: own\n{text}\n", folder=folder)


def collected(folder: Path, text: str = "network: {kind: './mynet.py:Net'}") -> OwnCode:
    return own_code(job(folder, text))


def names(folder: Path, text: str = "network: {kind: './mynet.py:Net'}") -> list[str]:
    return [file.name for file in collected(folder, text).files]
