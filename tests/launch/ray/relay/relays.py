"""A run folder, and a relay to it that is called directly, as it is through Ray."""

import json
from pathlib import Path
from typing import Any

from distnet.launch.ray.relay.call import Call
from distnet.launch.ray.relay.checkpoints import Checkpoints
from distnet.launch.ray.relay.folders import Folders
from distnet.launch.ray.relay.records import Records
from distnet.launch.ray.relay.shards import Shards
from distnet.run_folder.fence import claim_fence
from distnet.run_folder.mark import write_mark
from distnet.run_folder.paths import RunFolder


def new_run(path: Path) -> Folders:
    """A run folder with an attempt, as a launcher makes it."""
    folder = RunFolder(path)
    (folder.code / "0123").mkdir(parents=True)
    (folder.code / "0123" / "mynet.py").write_text("x = 1\n")
    (folder.code / "0123" / "tool").write_text("#!/bin/sh\n")
    (folder.code / "0123" / "tool").chmod(0o755)
    folder.logs.mkdir()
    folder.plan.write_text(json.dumps({"precision": "auto"}))
    folder.metrics.write_text('{"kind": "attempt", "attempt": 1}\n')
    attempt = claim_fence(folder, 2)
    return Folders(str(path), attempt, write_mark(folder))


class DirectCall:
    """Calls the parts of a relay in this process."""

    def __init__(self, folders: Folders) -> None:
        self._parts: dict[str, Any] = {
            "records": Records(folders),
            "checkpoints": Checkpoints(folders),
            "shards": Shards(folders),
        }
        self.repeats = False
        """Whether each call arrives twice, as when the first reply is lost."""
        self.error: Exception | None = None
        """What each call raises, as when the node is cut off."""

    def __call__(self, part: str, method: str, *arguments: Any) -> Any:
        if self.error is not None:
            raise self.error
        if self.repeats:
            getattr(self._parts[part], method)(*arguments)
        return getattr(self._parts[part], method)(*arguments)


def check_type(call: DirectCall) -> Call:
    """What `mypy` checks."""
    return call
