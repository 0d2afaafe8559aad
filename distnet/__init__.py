"""Train neural networks in parallel from one job file, with the same bits on any number of workers.

import distnet

run = distnet.run("jobs/digits.yaml", workers=2)
run.metrics, run.report()

trained = distnet.load("runs/digits-1")  # what a run has learned
trained.predict(images)

job = distnet.submit("jobs/digits.yaml", workers=4)  # on a server, which queues it
job.status, job.result()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distnet.client.handle import submit
    from distnet.errors import DistnetError
    from distnet.launch.run import Run, resume, run
    from distnet.sweeps.sweep import Sweep, open_sweep, sweep
    from distnet.trained.load import Trained
    from distnet.trained.load import load_trained as load

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
    "Run": "distnet.launch.run",
    "Sweep": "distnet.sweeps.sweep",
    "Trained": "distnet.trained.load",
    "load": "distnet.trained.load:load_trained",
    "open_sweep": "distnet.sweeps.sweep",
    "resume": "distnet.launch.run",
    "run": "distnet.launch.run",
    "submit": "distnet.client.handle",
    "sweep": "distnet.sweeps.sweep",
}


def __dir__() -> list[str]:
    """List the public names, also those that are not imported yet: for completion."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import distnet` alone imports no torch."""
    if name not in _MODULES:
        raise AttributeError(f"module 'distnet' has no attribute {name!r}")
    module, _, original = _MODULES[name].partition(":")
    return getattr(import_module(module), original or name)
