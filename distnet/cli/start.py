"""The entry point of the command `distnet`."""

from distnet.cli.exit_codes import STOPPED


def main() -> int:
    """Run the command line of this process and return its exit code."""
    try:
        # Here, so that Ctrl-C ends the command quietly while its modules are imported, too.
        from distnet.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return STOPPED
