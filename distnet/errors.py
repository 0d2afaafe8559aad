"""Every error that distnet raises on purpose, as one tree.

    DistnetError                   exit code 2: the user can fix it
    +- JobFileError                the job file has faults
    +- ClusterFileError            the cluster file has faults, or cannot be rendered
    +- UnknownPartError            a network, task or source that does not exist
    |  +- PartError                one that raised an error, or returned something unexpected
    +- DataError                   a dataset or raw file is missing, damaged or does not fit
    +- PackageError                a package that the job needs cannot be installed
    +- VariableError               a variable that the job forwards is not set
    +- StoppedError                exit code 130: a planned stop before an attempt began
    +- RunError                    a run folder is missing, in use or cannot be written
    |  +- RunInUseError            another process trains this run
    +- CheckpointError             no checkpoint could be read
    +- NotReproducibleError        the weights would depend on more than job and data
    +- NotEnoughResourcesError     more workers, CPUs or GPUs requested than there are
    |  +- ResourcesBusyError       there are enough, but others use them
    |  +- AllocationLostError      the resources that a server allocated are gone
    +- TrainingError               exit code 3: training itself failed
       +- NetworkError             exit code 2: the network does what cannot be trained
       +- NonFiniteError           the loss or the gradient is NaN or infinite
       +- OutOfMemoryError         a slice of a batch, or a worker, was out of memory
       +- HangError                a worker makes no progress
       +- WorkerFailedError        a worker process died or raised
       |  +- DeviceError           a GPU failed, or its driver
       |  +- PackageIndexError     the index of packages cannot be reached
       +- PreemptedError           a node was removed before training could stop
       +- StorageError             checkpoints cannot be read or written
       |  +- StorageSpentError     they could not be written within the retries of the job file
       +- PoisonStepError          one step failed again and again
       +- StaleAttemptError        a newer attempt trains the run

A message says what was found, what was expected, where, and what to do. `failure` is the kind of
failure, whose limit in the job file's `retry` says how often the run is retried.
"""

INTERRUPTED_EXIT_CODE = 130
"""Of a planned stop, and of Ctrl-C, as shells have it: 128 + SIGINT."""


class DistnetWarning(UserWarning):
    """Something that the user should know; shown as one line."""


class CodeWarning(DistnetWarning):
    """The user's own code beside the job file is not the code that a run uses."""


class JobWarning(DistnetWarning):
    """The user's job file is not what it was when a run began."""


class DataWarning(DistnetWarning):
    """A dataset is not what it was when a run was trained on it."""


class DistnetError(Exception):
    """Something the user can fix; shown as text, never as a traceback."""

    exit_code = 2
    failure = "user_error"

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook."""
        return [f"{type(self).__name__}: {self}"]


class JobFileError(DistnetError):
    """One or more faults of a job file, one per line, each as `file:line key: ...`."""


class ClusterFileError(DistnetError):
    """One or more faults of a cluster file, one per line, each as `file:line key: ...`."""


class UnknownPartError(DistnetError):
    """A network, task or source that does not exist or cannot be loaded."""


class PartError(UnknownPartError):
    """A network, task or other part that raised an error, or returned something unexpected."""


class DataError(DistnetError):
    """A dataset or raw file that is missing, damaged, or does not fit the job."""


class PackageError(DistnetError):
    """A package that the job needs does not exist, does not install, or does not fit."""


class VariableError(DistnetError):
    """An environment variable that the job forwards by its name is not set."""


class RunError(DistnetError):
    """A run folder that is missing, in use, or cannot be written."""


class RunInUseError(RunError):
    """Another process trains this run."""


class StoppedError(DistnetError):
    """A planned stop came while no attempt was running; nothing was lost."""

    exit_code = INTERRUPTED_EXIT_CODE


class CheckpointError(DistnetError):
    """A checkpoint that is missing, damaged, or belongs to another job."""


class NotReproducibleError(DistnetError):
    """The weights would depend on more than job and data: on the workers, or on a resume."""


class NotEnoughResourcesError(DistnetError):
    """More workers, CPUs or GPUs than this machine or cluster has."""


class ResourcesBusyError(NotEnoughResourcesError):
    """Workers could not start because others took the resources first."""

    failure = "lost_worker"


class AllocationLostError(NotEnoughResourcesError):
    """The resources that a server allocated are gone, and only the server can allocate others."""

    failure = "preemption"  # the job is not to blame


class TrainingError(DistnetError):
    """Training started and failed."""

    exit_code = 3


class NetworkError(TrainingError):
    """The user's network does something in training that cannot be trained or saved."""

    exit_code = DistnetError.exit_code


class NonFiniteError(TrainingError):
    """The loss or the gradient became NaN or infinite."""


class OutOfMemoryError(TrainingError):
    """A slice of a batch did not fit in memory, or a worker was killed for it."""

    failure = "out_of_memory"


class HangError(TrainingError):
    """A worker makes no progress."""

    failure = "hang"


class WorkerFailedError(TrainingError):
    """A worker process died or raised."""

    failure = "lost_worker"


class DeviceError(WorkerFailedError):
    """A GPU failed, or its driver: neither the job nor its code is to blame.

    The process that used the GPU cannot use it again.
    """


class PackageIndexError(WorkerFailedError):
    """The index of packages cannot be reached, so the job may not be to blame."""


class PreemptedError(TrainingError):
    """A node was removed before training could stop as planned."""

    failure = "preemption"


class StorageError(TrainingError):
    """Checkpoints cannot be read or written."""

    failure = "storage"


class StorageSpentError(StorageError):
    """Checkpoints could not be written within the retries that `retry.storage` allows."""


class PoisonStepError(TrainingError):
    """One step failed again and again in the same way."""


class StaleAttemptError(TrainingError):
    """A newer attempt trains the run; this one may no longer write."""
