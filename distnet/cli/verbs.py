"""Every command of `distnet`, by panel: its function, its line in the help, an example.

A new command is a function in a module of its own, and an entry here (in a group: in `groups.py`;
for those who run servers and clusters: in `operator_verbs.py`).
"""

from distnet.cli.groups import (
    DATASETS,
    SCHEDULES,
)
from distnet.cli.lazy import Entries, Group, Verb
from distnet.cli.operator_verbs import CLUSTER, SERVER

TRAIN: Entries = {
    "run": Verb(
        "train.run:run",
        "Train a job to the end and leave a run folder with a report.",
        "distnet run jobs/digits.yaml --workers 2",
    ),
    "stop": Verb(
        "train.stop:stop",
        "Stop a run or job: it finishes its step, saves a checkpoint and ends.",
        "distnet stop digits-1",
    ),
    "resize": Verb(
        "train.resize:resize",
        "Change the number of workers of a run or job while it trains.",
        "distnet resize digits-1 --workers 3",
    ),
    "stacks": Verb(
        "train.stacks:stacks",
        "Print what every thread of the workers of a run or job is doing now.",
        "distnet stacks digits-1 --rank 0",
    ),
    "check": Verb(
        "train.check:check",
        "Validate a job file and print the plan, without training.",
        "distnet check jobs/digits.yaml --set train.epochs=3",
    ),
    "tune-rate": Verb(
        "train.tune_rate:tune_rate",
        "Train a job for some steps at rising learning rates, and suggest one.",
        "distnet tune-rate jobs/digits.yaml --picture rates.png",
    ),
    "init": Verb(
        "train.init:init",
        "Write a commented job file for a dataset.",
        "distnet init leaves --output leaves.yaml",
    ),
    "schema": Verb(
        "train.schema:schema",
        "Print the JSON Schema of job files, for editors.",
        "distnet schema > job.schema.json",
    ),
    "chaos": Verb(
        "train.chaos:chaos",
        "Run a job repeatedly while its processes are killed, and compare the weights.",
        "distnet chaos jobs/digits.yaml --kill worker,driver --trials 6 --seed 7",
    ),
}
QUEUE: Entries = {
    "submit": Verb(
        "queue.submit:submit",
        "Queue a job on a server.",
        "distnet submit jobs/digits.yaml --workers 4 --follow",
    ),
    "schedule": Verb(
        "queue.schedule:schedule",
        "Have a server submit a job at set times: repeatedly (--cron) or once (--at).",
        'distnet schedule jobs/digits.yaml --cron "0 2 * * *" --tz Europe/Berlin',
    ),
    "schedules": Group(
        "List recurring jobs (without a command), pause, resume and remove them.",
        "distnet schedules pause nightly",
        SCHEDULES,
        default="list",
    ),
    "ps": Verb(
        "queue.ps:ps",
        "List the running and queued jobs of a server, in the order of the queue.",
        "distnet ps --watch",
    ),
    "why": Verb(
        "queue.why:why",
        "Explain why a job is waiting and when it should start.",
        "distnet why digits-7",
    ),
    "logs": Verb(
        "queue.logs:logs",
        "Print the log of a job, over all its attempts.",
        "distnet logs digits-7 -f",
    ),
    "exec": Verb(
        "queue.exec:exec_",
        "Run a program on the nodes of a running job, once a node, in its environment.",
        "distnet exec digits-7 -- nvidia-smi -L",
    ),
    "wait": Verb(
        "queue.wait:wait",
        "Wait until jobs have ended.",
        "distnet wait digits-7 && distnet export digits-7",
    ),
    "cancel": Verb(
        "queue.control:cancel",
        "Cancel jobs. A running job saves a checkpoint first.",
        "distnet cancel digits-7 digits-8",
    ),
    "hold": Verb(
        "queue.control:hold",
        "Hold jobs until they are released. A running job saves a checkpoint and stops.",
        "distnet hold digits-7",
    ),
    "release": Verb(
        "queue.control:release",
        "Release held jobs, so that they can start.",
        "distnet release digits-7",
    ),
    "retry": Verb(
        "queue.control:retry",
        "Queue failed or stopped jobs again; they resume from their last checkpoint.",
        "distnet retry digits-7",
    ),
    "priority": Verb(
        "queue.control:priority",
        "Change the priority of a job, or of those of a sweep.",
        "distnet priority digits-7 100",
        {"ignore_unknown_options": True},  # -5 is a number, not an option
    ),
    "history": Verb(
        "queue.history:history",
        "List the jobs that have ended, newest first; or the events of one job.",
        "distnet history --since 2d",
    ),
}
DATA: Entries = {
    "data": Group(
        "Fetch, import, inspect and verify datasets; upload them to a server.",
        "distnet data verify mnist",
        DATASETS,
    ),
}
RESULTS: Entries = {
    "runs": Verb(
        "results.runs:runs", "List the runs, newest first.", "distnet runs --runs /data/runs"
    ),
    "fetch": Verb(
        "results.fetch:fetch",
        "Fetch the run of a server's job: records, checkpoints, own code, logs; draw its report.",
        "distnet fetch digits-7",
    ),
    "show": Verb(
        "results.show:show",
        "Show one run: results, epochs, attempts, checkpoints, what to do next.",
        "distnet show latest",
    ),
    "report": Verb(
        "results.report:report",
        "Write the HTML report of a run, finished or not.",
        "distnet report digits-1",
    ),
    "compare": Verb(
        "results.compare:compare",
        "Compare runs with the first: job files, results, speed, weights.",
        "distnet compare digits-1 digits-2 --html compare.html",
    ),
    "sweep": Verb(
        "results.sweep:sweep",
        "Show the trials of a sweep, the best first: what each changes, its result, its state.",
        "distnet sweep digits-sweep-1 --html sweep.html",
    ),
    "rm": Verb(
        "results.rm:rm",
        "Remove runs and sweeps of this machine: by name, all but the newest, or the old ones.",
        "distnet rm --keep 20 --older-than 30d",
    ),
    "audit": Verb(
        "results.audit:audit",
        "Verify from a run's records that no step is missing and every sample was used once.",
        "distnet audit digits-1",
    ),
    "eval": Verb(
        "results.eval:eval_",
        "Evaluate a run's network on a split, each sample once.",
        "distnet eval digits-1 --split test",
    ),
    "predict": Verb(
        "results.predict:predict",
        "Predict images, recordings, texts, or rows of CSV and Parquet files with a run's network.",
        "distnet predict digits-1 seven.png",
    ),
    "play": Verb(
        "results.play:play",
        "Play episodes with a run's network, and print the return of each.",
        "distnet play cartpole-dqn-1 --episodes 20 --output game.gif",
    ),
    "generate": Verb(
        "results.generate:generate",
        "Generate text or music with a run's language model, and print it as it is made.",
        'distnet generate shakespeare-gpt-1 --prompt "ROMEO:" --tokens 300',
    ),
    "sample": Verb(
        "results.sample:sample",
        "Generate images with the network of a run, and write them as PNG.",
        "distnet sample digits-gan-1 --number 100 --output digits.png",
    ),
    "export": Verb(
        "results.export:export",
        "Export a run's network as safetensors and ONNX.",
        "distnet export digits-1 --output models",
    ),
}
PANELS = {
    "Train": TRAIN,
    "Queue": QUEUE,
    "Data": DATA,
    "Results": RESULTS,
    "Server": SERVER,
    "Cluster": CLUSTER,
}
"""In the order of the help."""
