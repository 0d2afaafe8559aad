import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from distnet.launch.ray.node import LOOPBACK, NodeOptions, RayNode
from tests.summary import note_limit, pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

# Read when Ray is imported: its drivers then take 127.0.0.1 for what it is.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
# The tests say which Ray they mean; that of the machine's owner is left alone.
os.environ.pop("RAY_ADDRESS", None)
# pytest-xdist says 80, and tables would be cut to that.
os.environ.pop("COLUMNS", None)

# A shell that starts `make test &` has it ignore Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that is busy for a moment makes no example wrong.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

RAY_CPUS = 4
RAY_MARK = "pytest.mark." + "ray"
SHARED_RAY = "ray_" + "address"
ROOT = Path(__file__).parents[1]
ALL_CHECK = re.compile(r"^pytestmark = (\[[^\]]*)?pytest\.mark\.check\b", re.MULTILINE)
"""In a file of which every test is marked `check`."""


class FewRays(LoadScopeScheduling):
    """Of several test processes, one runs the tests that share a Ray, one those with their own.

    Starting a Ray and a worker on it takes seconds of all cores, so more of them at once would be
    slower, not faster. All other tests are kept together by file.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        text = (ROOT / file).read_text()
        if RAY_MARK not in text:
            return file
        return "a shared Ray" if SHARED_RAY in text else "Rays of their own"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files of which no test would run: some import what only `make check` installs."""
    if collection_path.suffix != ".py" or "not check" not in config.option.markexpr:
        return None
    named = {Path(argument.partition("::")[0]).resolve() for argument in config.args}
    is_for_check = ALL_CHECK.search(collection_path.read_text()) is not None
    return True if is_for_check and collection_path not in named else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the long tests first, so that the test processes end at about the same time."""
    for item in items:
        note_limit(item)
    items.sort(key=lambda item: not item.get_closest_marker("ray"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FewRays:
    """Files are kept together; xdist's own groups do nothing with this pytest."""
    return FewRays(config, log)


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """The address of one Ray with four CPUs for the whole test run, which ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="distnet-tests-", dir="/tmp"))
    node = RayNode(NodeOptions(LOOPBACK, folder, RAY_CPUS))
    try:
        node.start()
        node.wait()
        yield node.address
    finally:
        node.end()
        shutil.rmtree(folder, ignore_errors=True)
