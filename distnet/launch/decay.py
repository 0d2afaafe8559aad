"""Names of parameters in a job file, checked against the network."""

from fnmatch import fnmatchcase

from distnet.spec.read import JobFile
from distnet.train.compute.flat import FlatNetwork


def refuse_unknown_parameter(file: JobFile, flat: FlatNetwork) -> None:
    """Refuse a pattern of `no_decay` that no parameter matches.

    Raises:
        JobFileError: there is one.
    """
    job = file.job
    sections = {"optimizer": job.optimizer}
    sections |= {
        f"players.{name}.optimizer": player.optimizer
        for name, player in job.players.items()
        if player.optimizer is not None
    }
    names = [name for p in flat.players.values() for every in p.names for name in every]
    for section, optimizer in sections.items():
        for pattern in optimizer.no_decay:
            if not any(fnmatchcase(name, pattern) for name in names):
                shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
                raise file.fault(
                    f"{section}.no_decay",
                    f"found {pattern}, which matches no trained parameter; there are: {shown}",
                )
