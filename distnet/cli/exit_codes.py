"""The exit codes of `distnet`."""

from distnet.errors import DistnetError, StoppedError, TrainingError

USER_ERROR = DistnetError.exit_code
"""2: the user can fix it. 1 is left to a bug of distnet itself, which ends in a traceback, and to
`distnet doctor`."""
FAULTS = 1
"""Of `distnet doctor`, as other doctors have it: it worked, and found faults."""
FAILED = TrainingError.exit_code
"""3: training failed, or a check of what it left did."""
STOPPED = StoppedError.exit_code
"""130 (128 + SIGINT, as in shells): interrupted or stopped, so that a script does not take it for
finished."""
TERMINATED = 143
"""128 + SIGTERM, as in shells: ended by that signal. A training saves first, and is STOPPED."""
