"""The environment variables of a job: those with a value, and those forwarded by their name."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from distnet.errors import VariableError


def values_of(env: Mapping[str, str | None], environment: Mapping[str, str]) -> dict[str, str]:
    """The values of a job's variables.

    Args:
        env: the key `env` of its job file.
        environment: what variables without a value are taken from.

    Raises:
        VariableError: one of those is not set; all of them are named.
    """
    missing = [name for name, value in env.items() if value is None and name not in environment]
    if missing:
        raise VariableError(
            f"env: {', '.join(missing)}: not set here, expected a value to forward. For "
            "`distnet run` export it first; for jobs of a server it is set where Ray starts on the "
            "nodes"
        )
    return {name: environment[name] if value is None else value for name, value in env.items()}


@contextmanager
def variables_set(env: Mapping[str, str | None]) -> Iterator[None]:
    """Set a job's variables in this process, and restore the others afterwards.

    Raises:
        VariableError: one that is forwarded by its name is not set.
    """
    with variables_restored(env):
        os.environ.update(values_of(env, os.environ))
        yield


@contextmanager
def variables_restored(names: Iterable[str]) -> Iterator[None]:
    """Give these variables of this process their old values at the end of the context."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old
