"""Train neural networks in parallel from one job file, with the same bits on any number of workers.

import distnet

run = distnet.run("jobs/digits.yaml", workers=2)
run.metrics, run.history, run.figure("loss"), run.report()

run = distnet.open("digits-1")  # one that trains, or has ended; or a server's job
run.predict("seven.png"), run.evaluate(), run.export()

trained = distnet.load("digits-1")  # what it has learned, for many predictions
trained.predict(images)

job = distnet.submit("jobs/digits.yaml", workers=4)  # on a server, which queues it
job.status, job.result()

More, and what a notebook shows: distnet/notebook/README.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distnet.client.handle import submit
    from distnet.client.open import open as open
    from distnet.errors import DistnetError
    from distnet.launch.run import resume, run
    from distnet.notebook.learned import load
    from distnet.notebook.run import Run
    from distnet.sweeps.sweep import Sweep, open_sweep, sweep
    from distnet.trained.load import Trained

# Without `open`: after `from distnet import *` it would take the place of Python's own.
__all__ = [
    "DistnetError",
    "Run",
    "Sweep",
    "Trained",
    "load",
    "open_sweep",
    "resume",
    "run",
    "submit",
    "sweep",
]

_MODULES = {
    "DistnetError": "distnet.errors",
    "Run": "distnet.notebook.run",
    "Sweep": "distnet.sweeps.sweep",
    "Trained": "distnet.trained.load",
    "load": "distnet.notebook.learned",
    "open": "distnet.client.open",
    "open_sweep": "distnet.sweeps.sweep",
    "resume": "distnet.launch.run",
    "run": "distnet.launch.run",
    "submit": "distnet.client.handle",
    "sweep": "distnet.sweeps.sweep",
}


def __dir__() -> list[str]:
    """List the public names, also those that are not imported yet: for completion."""
    return sorted({*_MODULES, *(name for name in globals() if name.startswith("__"))})


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import distnet` alone imports no torch."""
    if name not in _MODULES:
        raise AttributeError(f"module 'distnet' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
