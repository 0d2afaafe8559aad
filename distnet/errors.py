"""Every error distnet raises on purpose, as one tree.

    DistnetError                   exit code 2: the user can mend it
    +- JobFileError                the job file says something it cannot say
    +- UnknownPartError            a network, task or source that is not there
    +- DataError                   a dataset or a raw file is missing, damaged or does not fit
    +- StoppedError                exit code 130: stopped as planned, before an attempt began
    +- RunError                    a run folder is missing, taken or cannot be written
    +- CheckpointError             no checkpoint could be read
    +- NotEnoughResourcesError     more workers, CPUs or GPUs asked for than there are
    |  +- ResourcesBusyError           there would be enough if others did not use them
    |  +- AllocationLostError            the room that a server gave is gone; it has to give other
    +- TrainingError               exit code 3: training itself failed
       +- NonFiniteError           the loss or the gradient is no longer a number
       +- OutOfMemoryError         a slice of a batch, or a worker, did not fit in memory
       +- HangError                a worker made no step any more
       +- WorkerFailedError        a worker process died or raised
       +- PreemptedError           a node was taken away before training could stop as planned
       +- StorageError             checkpoints cannot be read or written
       |  +- StorageSpentError     they could not be written for as long as the job file allows
       +- PoisonStepError          one step failed again and again
       +- StaleAttemptError        a newer attempt has taken the run over

A message says what was found, what was expected, where, and what to do. `failure` is the kind of
failure, whose budget in the job file's `retry` says whether the run goes on.
"""


class DistnetError(Exception):
    """Something the user can mend; shown as text, never as a traceback."""

    exit_code = 2
    failure = "user_error"


class JobFileError(DistnetError):
    """One or more faults of a job file, one per line, each as `file:line key: ...`."""


class UnknownPartError(DistnetError):
    """A network, task or source that does not exist or cannot be loaded."""


class DataError(DistnetError):
    """A dataset or raw file that is missing, damaged, or does not fit the job."""


class RunError(DistnetError):
    """A run folder that is missing, taken, or cannot be written."""


class StoppedError(DistnetError):
    """A planned stop came while no attempt was on: nothing was lost, and nothing trained."""

    exit_code = 130


class CheckpointError(DistnetError):
    """A checkpoint that is missing, damaged, or belongs to another job."""


class NotEnoughResourcesError(DistnetError):
    """More workers, CPUs or GPUs than this machine or cluster has."""


class ResourcesBusyError(NotEnoughResourcesError):
    """Workers could not start because others were faster to take the room."""

    failure = "lost_worker"


class AllocationLostError(NotEnoughResourcesError):
    """The room that a server gave to an attempt is gone, and only the server can give other."""

    failure = "preemption"  # whoever took it: the job is not to blame


class TrainingError(DistnetError):
    """Training started and failed."""

    exit_code = 3


class NonFiniteError(TrainingError):
    """The loss or the gradient became NaN or infinite."""


class OutOfMemoryError(TrainingError):
    """A slice of a batch did not fit in memory, or a worker was killed for it."""

    failure = "out_of_memory"


class HangError(TrainingError):
    """A worker made no step any more."""

    failure = "hang"


class WorkerFailedError(TrainingError):
    """A worker process died or raised."""

    failure = "lost_worker"


class PreemptedError(TrainingError):
    """A node was taken away before training could stop as planned."""

    failure = "preemption"


class StorageError(TrainingError):
    """Checkpoints cannot be read or written."""

    failure = "storage"


class StorageSpentError(StorageError):
    """Checkpoints could not be written for as long as `retry.storage` allows."""


class PoisonStepError(TrainingError):
    """One step failed again and again in the same way."""


class StaleAttemptError(TrainingError):
    """A newer attempt has taken the run over; this one may write nothing any more."""
