"""The entry point of the command."""

import subprocess
import sys

INTERRUPTED = """
import sys
from importlib.abc import MetaPathFinder
from distnet.cli.start import main


class CtrlC(MetaPathFinder):
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            raise KeyboardInterrupt


sys.meta_path.insert(0, CtrlC())
sys.exit(main())
"""


def test_ctrl_c_while_modules_are_imported_ends_the_command_quietly() -> None:
    for module in ("distnet.cli.main", "typer"):
        ended = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, module], capture_output=True, text=True, check=False
        )

        assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
