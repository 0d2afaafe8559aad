"""`distnet check`."""

from dataclasses import asdict

from distnet.cli.console import spinner
from distnet.cli.options import AsJson, Inline, JobFile, Sets, Workers
from distnet.cli.output import print_json
from distnet.cli.train.plan_table import show_plan
from distnet.spec.read import read_job
from distnet.spec.variables import variables_set


def check(
    job: JobFile,
    workers: Workers = None,
    inline: Inline = False,
    sets: Sets = [],  # noqa: B006 - typer copies it
    as_json: AsJson = False,
) -> None:
    """Validate a job file and print the plan, without training.

    A few steps are timed, to say how long the run takes on this machine.
    """
    file = read_job(job, overrides=sets)
    # torch takes seconds to import: a mistake in the job file is reported first.
    from distnet.launch.pace.estimate import idle_note, plan_and_time

    with variables_set(file.job.env), spinner("timing a few steps", is_quiet=as_json):
        plan, found, untimed = plan_and_time(file, workers=workers, inline=inline)
    facts = plan.to_dict() | {"estimate": asdict(found) if found else None}
    notes = [f"not timed here: {untimed}"] if untimed else []
    notes += filter(None, [idle_note(file, plan, found)])
    facts["notes"] = [*facts["notes"], *notes]
    if as_json:
        print_json(facts)
    else:
        show_plan(facts)
