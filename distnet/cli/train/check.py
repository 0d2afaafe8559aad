"""`distnet check`."""

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
    """Validate a job file and print the plan, without training."""
    file = read_job(job, overrides=sets)
    # torch takes seconds to import: a mistake in the job file is reported first.
    from distnet.launch.plan import make_plan

    with variables_set(file.job.env):
        plan = make_plan(file, workers=workers, inline=inline).to_dict()
    if as_json:
        print_json(plan)
    else:
        show_plan(plan)
