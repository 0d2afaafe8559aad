"""Settings of this process while it uses Ray, and their restoration afterwards."""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ray._private import ray_constants, utils, worker
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

from distnet.launch.ray.node import new_token
from distnet.spec.variables import variables_restored


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set what the user has not set; restore that afterwards, and what Ray itself sets."""
    with variables_restored((*settings, "RAY_AUTH_MODE", "PYTHONBREAKPOINT")):
        for name, value in settings.items():
            os.environ.setdefault(name, value)
        yield


@contextmanager
def secret() -> Iterator[None]:
    """Give a new Ray a token of its own, so that no other user of this machine can submit to it.

    Ray would otherwise leave one in the home directory, readable by everybody.
    """
    try:
        with environment({"RAY_AUTH_TOKEN": new_token()}):
            yield
    finally:  # the process caches both, and the next Ray may use neither
        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def on_loopback() -> Iterator[None]:
    """Start a new Ray on 127.0.0.1, as Ray does on macOS.

    On Linux it listens on all interfaces, and fails when the machine changes its network.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Ray's messages about dead workers off stdout, which is for results."""
    before = worker.print_to_stdstream
    worker.print_to_stdstream = lambda *_, **__: None
    try:
        yield
    finally:
        worker.print_to_stdstream = before


@contextmanager
def signals_kept() -> Iterator[None]:
    """Keep our handler of SIGTERM, which requests a planned stop, during `ray.init`.

    Its Python part can be kept from replacing it; its C++ part replaces it too, so the handler is
    set again afterwards.
    """
    is_main = threading.current_thread() is threading.main_thread()
    handler, before = signal.getsignal(signal.SIGTERM), utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda _: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = before
        if is_main and handler is not None:
            signal.signal(signal.SIGTERM, handler)
