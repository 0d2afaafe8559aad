"""Whether the object store for checkpoints can be used from a machine, by distnet itself."""

import subprocess

TIMEOUT_S = 60.0
CHECK = (
    "import sys; from pathlib import Path; "
    "from distnet.train.checkpoint.store import check_store; "
    "check_store(sys.argv[1], job_folder=Path('/'))"
)


def store_error(python: str, store: str) -> str | None:
    """Why a store cannot be used; None if it can. Nothing is written.

    Args:
        python: the path of the Python that has distnet.
        store: its address, such as `s3://bucket/folder`.
    """
    try:
        done = subprocess.run(
            [python, "-c", CHECK, store],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it does not respond within {TIMEOUT_S:.0f} s"
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return None
    last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
    return last.partition("Error: ")[2] or last
