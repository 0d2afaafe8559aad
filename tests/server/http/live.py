"""An application behind a real socket, in a thread of the tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from distnet.server.http.listen import bind
from distnet.server.http.uvicorn_server import HttpServer
from tests.server.http.api import Api


@contextmanager
def live(api: Api, port: int = 0) -> Iterator[str]:
    """Serve an application at a port, or a free one; yields its address, and ends it in order."""
    ready = threading.Event()
    assert api.harness.ledger.lead()
    serving = HttpServer(api.app, api.harness.ledger)
    with bind("127.0.0.1", port) as listener:
        thread = threading.Thread(target=serving.run_on, args=(listener, ready.set))
        thread.start()
        assert ready.wait(30)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            serving.end()
            thread.join()
