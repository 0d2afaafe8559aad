"""What was rendered: files by name, and their text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distnet.cluster.render.text import yaml_text

Documents = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Rendered:
    """A cluster as Ray's launcher or Kubernetes reads it."""

    files: Mapping[str, Documents]
    """The documents of each file, in the order in which they are applied."""
    only_in_folder: Mapping[str, Documents]
    """Files that make no sense but in a folder, beside the token."""
    header: tuple[str, ...]
    """What somebody who opens a file needs to know."""
    note: str
    """What is not in the documents."""
    next: str
    """The command that uses the files of a folder."""

    @property
    def documents(self) -> list[Mapping[str, Any]]:
        """All documents, for one stream."""
        return [document for documents in self.files.values() for document in documents]

    @property
    def stream(self) -> str:
        """All documents as one text."""
        return yaml_text(self.documents, self.header)

    @property
    def texts(self) -> dict[str, str]:
        """The text of each file of a folder."""
        files = {**self.files, **self.only_in_folder}
        return {name: yaml_text(documents, self.header) for name, documents in files.items()}
