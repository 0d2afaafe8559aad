"""Draw the report of a run and print it: a process of a server, with bounds.

What is drawn was written by the code of users. Whatever is wrong with it ends this process, not the
server; it takes no more memory and time than stated here, and gives way to what trains.
"""

import os
import resource
import sys
from pathlib import Path

from distnet.errors import RunError
from distnet.report.page import draw_page
from distnet.run_folder.paths import RunFolder

MOST_BYTES = 8 << 30
MOST_S = 120


def main(folder: str) -> int:
    """Print the page of the run in this folder; returns the exit code.

    The commands in the page name the run by the name of its folder.
    """
    parent, name = os.path.split(folder)
    os.chdir(parent)
    os.nice(19)
    _limit(resource.RLIMIT_AS, MOST_BYTES)
    _limit(resource.RLIMIT_CPU, MOST_S)
    try:
        page = draw_page(RunFolder(Path(name)))
    except RunError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.buffer.write(page)
    return 0


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
