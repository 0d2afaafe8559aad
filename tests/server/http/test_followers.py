"""Followers of logs end with their clients, and a user has so many of them at most."""

import time
from contextlib import ExitStack
from pathlib import Path
from socket import socket

import httpx
import pytest

from tests.server.http.api import Api
from tests.server.http.test_attempts import begin
from tests.server.http.test_connections import opened, refused, served

FOLLOW = "/api/v1/jobs/digits-1/streams/run?wait_s=60"


def following(held: ExitStack, address: str, token: str) -> socket:
    connection = opened(held, address)
    head = f"GET {FOLLOW} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def wait_until(api: Api, num_waiting: int) -> None:
    end = time.monotonic() + 30
    while api.app.state.followers.num_waiting != num_waiting:
        assert time.monotonic() < end, api.app.state.followers.num_waiting
        time.sleep(0.01)


@pytest.mark.check
def test_followers_end_when_their_clients_are_gone(tmp_path: Path) -> None:
    with served(tmp_path) as (api, address):
        begin(api)
        with ExitStack() as held:
            for _ in range(200):  # a class that looks on
                following(held, address, api.token("vic"))
            wait_until(api, 200)
        wait_until(api, 0)


def test_a_user_follows_so_many_logs_at_most(tmp_path: Path) -> None:
    with served(tmp_path, followers_per_user=2) as (api, address), ExitStack() as held:
        begin(api)
        for _ in range(2):
            following(held, address, api.token("vic"))
        wait_until(api, 2)
        vic, ada = ({"Authorization": f"Bearer {api.token(name)}"} for name in ("vic", "ada"))
        response = httpx.get(address + FOLLOW, headers=vic)

        assert response.status_code == 429
        assert response.headers["retry-after"] == "5"
        assert response.json()["error"]["code"] == "too_many_followers"
        assert "limits.followers_per_user" in response.json()["error"]["message"]
        assert httpx.get(address + FOLLOW[:-2] + "0", headers=vic).status_code == 200
        assert httpx.get(address + FOLLOW[:-2] + "0.01", headers=ada).status_code == 200
        assert refused(api, "too_many_followers") == 1
