import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from distnet.launch.ray.node import LOOPBACK, NodeOptions, RayNode

# Read when Ray is imported: its drivers then take 127.0.0.1 for what it is.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
# The tests say which Ray they mean; that of the machine's owner is left alone.
os.environ.pop("RAY_ADDRESS", None)

RAY_CPUS = 4
RAY_MARK = "pytest.mark." + "ray"
ROOT = Path(__file__).parents[1]


class FewRays(LoadScopeScheduling):
    """With several test processes, files whose tests start a Ray are in two of them at the most.

    They mostly wait for Ray's processes, so two go well beside each other; more would not.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if RAY_MARK not in (ROOT / file).read_text():
            return file
        return f"{RAY_MARK} {file.startswith('tests/server/')}"


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
