"""Notebooks that a real Jupyter kernel executes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "distnet" / "notebook" / "README.md"
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def cells_of(page: Path) -> list[str]:
    """The snippets of a page."""
    return PYTHON.findall(page.read_text())


def client_of(cells: Sequence[str], folder: Path) -> NotebookClient:
    """A client for a new notebook with these cells, whose kernel works in a folder."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources)


def executed(cells: Sequence[str], folder: Path) -> list[list[Any]]:
    """The outputs of each cell."""
    client = client_of(cells, folder)
    client.execute()
    return [cell.outputs for cell in client.nb.cells]


def shown(outputs: Sequence[Any], kind: str = "text/html") -> list[str]:
    """What is displayed in a format, in order."""
    return [one["data"][kind] for one in outputs if kind in one.get("data", {})]


def printed(outputs: Sequence[Any]) -> str:
    """What is printed on stdout and stderr."""
    return "".join(one["text"] for one in outputs if one["output_type"] == "stream")
