"""One of the processes that measure the pace of a job side by side.

    python -m distnet.launch.pace JOB FOLDER INDEX BUSY SECONDS [KEY=VALUE ...]

The result, or the error, is written to `FOLDER/result-INDEX.json`: a user's own code may print.
"""

import sys
import time
from pathlib import Path

from distnet.errors import DistnetError, WorkerFailedError
from distnet.launch.pace.measure import measure
from distnet.run_folder.write import write_json
from distnet.spec.read import read_job

POLL_S, LIMIT_S = 0.005, 600.0


def main(words: list[str]) -> int:
    """Measure, and write the result."""
    job, folder, index, busy, seconds, *overrides = words
    result = Path(folder) / f"result-{index}.json"
    together = Barrier(Path(folder), index, int(busy))
    try:
        file = read_job(job, overrides=overrides)
        pace = measure(file, seconds=float(seconds), busy=int(busy), together=together)
    except DistnetError as error:
        write_json(result, {"error": str(error), "exit_code": error.exit_code})
        return error.exit_code
    write_json(result, pace.to_dict())
    return 0


class Barrier:
    """Waits until all processes have reached a point: each makes a file there."""

    def __init__(self, folder: Path, index: str, busy: int) -> None:
        self._folder, self._index, self._busy = folder, index, busy

    def __call__(self, point: str) -> None:
        """Wait at `point`.

        Raises:
            WorkerFailedError: another process did not come.
        """
        point = point.replace(" ", "-")
        (self._folder / f"at-{point}-{self._index}").touch()
        limit = time.monotonic() + LIMIT_S
        while len(list(self._folder.glob(f"at-{point}-*"))) < self._busy:
            if time.monotonic() > limit:
                raise WorkerFailedError(
                    f"a process that measures has not reached `{point}` within {LIMIT_S:.0f} s"
                )
            time.sleep(POLL_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
