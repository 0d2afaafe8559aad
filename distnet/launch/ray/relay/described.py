"""The folders of an attempt as the launcher describes them to its workers."""

from distnet.data.cache.facts import presence_of
from distnet.launch.ray.relay.folders import Folders
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.mark import write_mark


def folders_of(assignment: Assignment) -> Folders:
    """Describe the folders of an attempt, so that each worker finds out whether it sees them.

    Raises:
        RunError: the run folder is gone, or cannot be written.
        DataError: the dataset is gone.
    """
    dataset = assignment.dataset_folder
    return Folders(
        run=assignment.run,
        attempt=assignment.attempt,
        mark=write_mark(assignment.folder),
        dataset=None if dataset is None else presence_of(dataset),
    )
