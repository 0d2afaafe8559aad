"""The user's own systemd, which starts the node again after a reboot."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

LINGERING = Path("/var/lib/systemd/linger")
TIMEOUT_S = 60.0


def start_unit(unit: str, text: str) -> bool:
    """Start the node as a unit of the user, now and after each boot.

    False if that cannot be: there is no systemd, or it would end the node when the user logs out.
    """
    if not can_linger():
        return False
    path = unit_path(unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if systemctl("daemon-reload") and systemctl("enable", "--now", unit):
        return True
    remove_unit(unit)
    return False


def remove_unit(unit: str) -> None:
    """Stop a unit, and remove its file; nothing happens if there is none."""
    path = unit_path(unit)
    if path.exists():
        systemctl("disable", "--now", unit)
        path.unlink()
        systemctl("daemon-reload")


def can_linger() -> bool:
    """Whether the user's units run without a login, from now on."""
    if not systemctl("show-environment"):
        return False
    user = getpass.getuser()
    return (LINGERING / user).exists() or succeeds(["loginctl", "enable-linger", user])


def systemctl(*words: str) -> bool:
    """Whether a command of the user's systemd succeeds."""
    return succeeds(["systemctl", "--user", *words])


def succeeds(command: Sequence[str]) -> bool:
    """Whether there is such a program, and it ends with 0."""
    if shutil.which(command[0]) is None:
        return False
    runtime = {
        "XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}"
    }  # missing in logins over ssh without PAM
    try:
        done = subprocess.run(
            command,
            env=runtime | dict(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def unit_path(unit: str) -> Path:
    """The file of a unit."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "systemd" / "user" / unit
