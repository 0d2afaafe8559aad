"""Run the tool of a provider.

Its output goes to stderr, line by line as it comes, so that stdout has only ours.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import join

from distnet.errors import DistnetError

STDERR = 2
LAST_LINES = 5
OWN_FOLDER = Path(sys.executable).parent


def find_tool(name: str, remedy: str) -> str:
    """The path of a program: beside this Python, or on PATH.

    Raises:
        DistnetError: it is not installed.
    """
    own = OWN_FOLDER / name
    found = str(own) if own.is_file() else shutil.which(name)
    if found is None:
        raise DistnetError(f"found no `{name}` on this machine, expected it on PATH; {remedy}")
    return found


def run_tool(words: Sequence[str], remedy: str) -> None:
    """Run a program to its end, and show what it prints.

    Ctrl-C at the terminal reaches the program too; it is waited for, so that it can clean up.

    Args:
        words: its command line.
        remedy: what to do if it fails.

    Raises:
        DistnetError: it ended with another exit code than 0.
        KeyboardInterrupt: the user has interrupted it.
    """
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=STDERR)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise
    if code == -signal.SIGINT:
        raise KeyboardInterrupt
    if code != 0:
        raise DistnetError(f"`{_shown(words)}` ended with exit code {code}; {remedy}")


def output_of(words: Sequence[str]) -> str:
    """Run a program, and return what it prints on stdout.

    Raises:
        DistnetError: it ended with another exit code than 0; with the last lines that it printed.
    """
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        texts = (done.stdout, done.stderr)
        last = [line for text in texts for line in text.strip().splitlines()[-LAST_LINES:]]
        how = f"`{_shown(words)}` ended with exit code {done.returncode}:"
        raise DistnetError("\n".join([how, *last]))
    return done.stdout


def _shown(words: Sequence[str]) -> str:
    return join([Path(words[0]).name, *words[1:]])
