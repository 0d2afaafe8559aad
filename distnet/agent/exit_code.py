"""ExitCode: how the process of an attempt ends, for readers of Ray's job list.

The server uses the exit record instead.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Of `python -m distnet.agent`; 0 is a job that finished or was stopped."""

    FAILED = 1
    UNHEARD = 2
    """The server could not be reached, or its address was not given."""
    OVER = 3
    """The server has ended this attempt."""
