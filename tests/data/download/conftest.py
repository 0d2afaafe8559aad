from collections.abc import Iterator

import pytest

from tests.data.download.file_server import FileServer, file_server


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as served:
        yield served
