"""Every error distnet raises on purpose, as one tree.

    DistnetError                   exit code 2: the user can mend it
    +- JobFileError                the job file says something it cannot say
    +- UnknownPartError            a network, task or source that is not there
    +- DataError                   a dataset or a raw file is missing, damaged or does not fit
    +- RunError                    a run folder is missing, taken or cannot be written
    +- CheckpointError             no checkpoint could be read
    +- NotEnoughResourcesError     more workers, CPUs or GPUs asked for than there are
    +- TrainingError               exit code 3: training itself failed
       +- NonFiniteError           the loss or the gradient is no longer a number
       +- WorkerFailedError        a worker process died or raised

A message says what was found, what was expected, where, and what to do.
"""


class DistnetError(Exception):
    """Something the user can mend; shown as text, never as a traceback."""

    exit_code = 2


class JobFileError(DistnetError):
    """One or more faults of a job file, one per line, each as `file:line key: ...`."""


class UnknownPartError(DistnetError):
    """A network, task or source that does not exist or cannot be loaded."""


class DataError(DistnetError):
    """A dataset or raw file that is missing, damaged, or does not fit the job."""


class RunError(DistnetError):
    """A run folder that is missing, taken, or cannot be written."""


class CheckpointError(DistnetError):
    """A checkpoint that is missing, damaged, or belongs to another job."""


class NotEnoughResourcesError(DistnetError):
    """More workers, CPUs or GPUs than this machine or cluster has."""


class TrainingError(DistnetError):
    """Training started and failed."""

    exit_code = 3


class NonFiniteError(TrainingError):
    """The loss or the gradient became NaN or infinite."""


class WorkerFailedError(TrainingError):
    """A worker process died or raised."""
