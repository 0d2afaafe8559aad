"""A file on its way: what has arrived of it stays on the disk, whatever ends the process.

Beside it lies a note of the address and of what identifies the version there, an `ETag` or a
`Last-Modified`. The rest is requested only if the address still has that version.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from distnet.run_folder.write import write_json


@dataclass(frozen=True)
class Part:
    """What has arrived of the file `path`."""

    path: Path
    """Where the file is when it is whole."""

    @property
    def partial(self) -> Path:
        """Where its bytes are until then."""
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def num_bytes(self) -> int:
        """How many have arrived."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    def version(self, address: str) -> str | None:
        """The version at the address of which it is a part; None where it is none to go on with."""
        try:
            note = json.loads(self._note.read_bytes())
            version = note["version"] if note["address"] == address else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return version if isinstance(version, str) and self.num_bytes else None

    def restart(self, address: str, version: str | None) -> None:
        """Forget what has arrived: what comes now is this version."""
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        self._note.unlink(missing_ok=True)  # first: a note belongs to the bytes beside it
        self.partial.write_bytes(b"")
        write_json(self._note, {"address": address, "version": version})

    def finish(self) -> Path:
        """All has arrived."""
        self._note.unlink(missing_ok=True)
        return self.partial.replace(self.path)

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part.json")
