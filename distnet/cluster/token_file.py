"""The token of a cluster's Ray: a file that only its owner can read."""

import os
import secrets
from pathlib import Path

TOKEN_FILE = "token"
TOKEN_BYTES = 32
"""As Ray's own tokens have."""


def ensure_token(path: Path) -> Path:
    """Make a new token, unless there is one, and see to it that only the owner can read it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        return path
    with os.fdopen(descriptor, "w") as file:
        # Without an end of line: KubeRay puts it into an HTTP header as it is.
        file.write(secrets.token_hex(TOKEN_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return path
