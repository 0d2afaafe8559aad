"""The folder of a new run, with its job, plan, environment and start weights."""

from pathlib import Path

from distnet.data.manifest import MANIFEST, read_manifest
from distnet.errors import RunError
from distnet.launch.environment import read_environment
from distnet.launch.plan import Plan
from distnet.run_folder.create import Contents, create_run_folder
from distnet.run_folder.format import KEY, RUN_FORMAT
from distnet.run_folder.paths import RunFolder
from distnet.spec.code.collect import own_code
from distnet.spec.read import JobFile
from distnet.trained.start.start_weights import StartWeights


def make_run_folder(
    runs: Path, file: JobFile, plan: Plan, name: str | None, start: StartWeights | None = None
) -> RunFolder:
    """Make the folder of a new run.

    Args:
        runs: where run folders are.
        file: the job.
        plan: its plan.
        name: of the run; by default the job's name and the next free number.
        start: the weights that it begins with; by default it draws them.

    Raises:
        RunError: the name is taken, or the folder cannot be written; nothing is left behind.
    """
    dataset = plan.dataset_folder
    data_sha256 = "" if dataset is None else read_manifest(dataset).sha256
    environment = read_environment(data_sha256, Path(plan.job_folder))
    environment[KEY] = RUN_FORMAT
    if start is not None:
        environment["start"] = start.to_dict()
    code = own_code(file)
    if code.sha256 != plan.code_sha256:
        raise RunError(f"{file.folder}: the job's own code has changed just now; start it again")
    contents = Contents(
        job=file.job,
        plan=plan.to_dict(),
        environment=environment,
        data_manifest=manifest_bytes(dataset),
        start_weights=None if start is None else start.weights,
        code=code,
    )
    return create_run_folder(runs, contents, name)


def manifest_bytes(dataset: Path | None) -> bytes | None:
    """The manifest of a dataset as it is stored; None where there is no dataset.

    Raises:
        RunError: it cannot be read.
    """
    if dataset is None:
        return None
    try:
        return (dataset / MANIFEST).read_bytes()
    except OSError as error:
        raise RunError(f"{dataset / MANIFEST}: cannot be read: {error.strerror}") from None
