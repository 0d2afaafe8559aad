"""The copy of the user's own code that a run keeps, and uses from its beginning to its end.

    code/<first 12 digits of its sha256>/mynet.py

`plan.json` names the copy that counts: `code_sha256`, and `code` with the hash of each file. A run
that adopts new code gets another copy beside the first.
"""

import warnings
from pathlib import Path

from distnet.errors import CodeWarning, DistnetError, JobWarning, RunError
from distnet.run_folder.paths import RunFolder, shown
from distnet.run_folder.read import StoredPlan, read_plan
from distnet.run_folder.write import write_whole
from distnet.spec.code.collect import OwnCode, own_code
from distnet.spec.code.modes import make_executable
from distnet.spec.code.names import locate, shown_name
from distnet.spec.code.outside import changed_outside, sha256_of
from distnet.spec.plural import listed
from distnet.spec.printable import argument
from distnet.spec.read import JobFile, read_job

DIGITS = 12
MOST_NAMED = 4


def copy_folder(run: RunFolder, sha256: str) -> Path:
    """The folder of one copy."""
    return run.code / sha256[:DIGITS]


def code_folder(run: RunFolder, plan: StoredPlan) -> Path:
    """Where the own code of a run is: its copy, or the job file's folder if it has none.

    Raises:
        RunError: the copy is not what it was when it was made.
    """
    if not plan.code_sha256:
        return plan.job_folder
    folder = copy_folder(run, plan.code_sha256)
    wrong = [name for name, sha256 in plan.code.items() if sha256_of(folder / name) != sha256]
    if wrong:
        names = listed([shown_name(name) for name in wrong], MOST_NAMED)
        raise RunError(
            f"{folder}: the run's copy of its code was changed: {names}; expected the files as "
            "they were at the start of the run. Restore them, or adopt the code beside the job "
            f"file: distnet run --resume {argument(shown(run.path))} --new-code"
        )
    return folder


def keep_code(run: RunFolder, code: OwnCode) -> None:
    """Write a copy of the code, unless the run has it.

    Raises:
        RunError: it cannot be written.
    """
    folder = copy_folder(run, code.sha256)
    for file in code.files:
        path = folder / file.name
        if sha256_of(path) != file.sha256:
            write_whole(path, file.data)
            if file.is_executable:
                make_executable(path)


def code_notice(run: RunFolder) -> str | None:
    """Say in one line that the code beside the job file is not what the run uses; None if it is.

    Raises:
        DistnetError: the job or the plan of the run is missing or damaged.
    """
    plan = read_plan(run)
    file = read_job(run.job, folder=plan.job_folder)
    if plan.code_sha256 is None:
        return _uncheckable(file)
    changed = changed_files(plan, file)
    if not changed:
        return None
    copy = shown(copy_folder(run, plan.code_sha256))
    return (
        f"{run.name} uses its own copy of the code, in {copy}: "
        f"{_described(changed)} beside the job file. To use the new code, start a new run "
        f"(distnet run JOB --start-from {argument(shown(run.path))}), or adopt it in this one: "
        f"distnet run --resume {argument(shown(run.path))} --new-code"
    )


def outside_notice(run: RunFolder) -> str | None:
    """Say in one line that code which the run does not keep has changed; None if it has not.

    Raises:
        RunError: the plan of the run is missing or damaged.
    """
    changed = changed_outside(read_plan(run).outside)
    if not changed:
        return None
    return (
        f"the code of {run.name} uses {listed(changed, MOST_NAMED)} from outside of the run's "
        "copy: changed since the run began, and used as it is now. A run keeps what its code "
        "imports from beside the job file, and what `files` names"
    )


def warn_of_other_job(run: RunFolder) -> None:
    """Warn if the user's job file is no longer what it was when the run began."""
    for path in changed_outside(read_plan(run).job_file):
        text = (
            f"{shown(Path(path))} has changed since {run.name} began: the run continues with its "
            f"own copy, {shown(run.job)}, and --set changes what may change. For the new job file "
            "start a new run"
        )
        warnings.warn(text, JobWarning, stacklevel=3)


def warn_of_other_code(run: RunFolder) -> None:
    """Warn if the code beside the job file is not what the run uses, or if that has changed."""
    for notice in (code_notice(run), outside_notice(run)):
        if notice is not None:
            warnings.warn(notice, CodeWarning, stacklevel=3)


def changed_files(plan: StoredPlan, file: JobFile) -> dict[str, str]:
    """By name, how a file beside the job file differs from that in the run's copy.

    Nothing differs where none of the files is there: the run was made on another machine, or the
    job was moved.
    """
    beside = {name: sha256_of(locate(shown_name(name), file.folder)) for name in plan.code}
    if not any(beside.values()):
        return {}
    changed = {
        shown_name(name): "has changed" if found else "is missing"
        for name, found in beside.items()
        if found != plan.code[name]
    }
    try:
        new = own_code(file).hashes.keys() - plan.code.keys()
    except DistnetError:  # the code beside the job cannot be used as it is, which is seen above
        new = set()
    return changed | {shown_name(name): "is new" for name in sorted(new)}


def _uncheckable(file: JobFile) -> str | None:
    """What to say about a run of an older version, which kept no copy."""
    code = own_code(file)
    if not code.files:
        return None
    names = listed([shown_name(each.name) for each in code.files], MOST_NAMED)
    return (
        f"this run has no copy of its code, because an older distnet made it: {names} beside the "
        "job file is used as it is now, and whether it has changed since cannot be checked"
    )


def _described(changed: dict[str, str]) -> str:
    how = dict.fromkeys(changed.values())
    return ", ".join(
        f"{listed([n for n, h in changed.items() if h == each], MOST_NAMED)} {each}" for each in how
    )
