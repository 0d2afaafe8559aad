"""Clients and nodes with another distnet than the server's are refused in one clear line."""

import pytest
from starlette.testclient import TestClient

from distnet.client.client import Client
from distnet.client.connection import Connection
from distnet.client.target import Target
from distnet.protocol.errors import OtherVersionError
from distnet.protocol.versions import HEADER, is_compatible, is_same, own_version
from tests.server.http.api import ADDRESS, Api, body


def with_version(api: Api, version: str) -> TestClient:
    client = api.client()
    client.headers[HEADER] = version
    return client


def test_other_client_is_refused_before_anything_is_done(api: Api) -> None:
    response = with_version(api, "0.9.0").post("/api/v1/jobs", json=body())

    assert response.status_code == 409
    error = response.json()["error"]
    assert error["code"] == "other_version"
    assert error["message"] == f"found a client with distnet 0.9.0, expected {own_version()}"
    assert response.headers[HEADER] == own_version()
    assert api.client().get("/api/v1/jobs").json()["jobs"] == []


def test_same_client_and_programs_without_a_version_are_let_in(api: Api) -> None:
    assert with_version(api, own_version()).get("/api/v1/whoami").status_code == 200
    assert api.client().get("/api/v1/whoami").status_code == 200


def test_server_says_nothing_of_its_version_to_strangers(api: Api) -> None:
    response = api.client(None).get("/api/v1/whoami", headers={HEADER: "0.9.0"})

    assert response.status_code == 401
    assert HEADER not in response.headers


def test_client_names_both_versions_and_the_remedy(api: Api, monkeypatch) -> None:
    monkeypatch.setattr("distnet.client.connection.own_version", lambda: "0.9.3")
    monkeypatch.setattr("distnet.client.refusal.own_version", lambda: "0.9.3")
    client = api.client()

    def exchange(_: Connection, request) -> tuple[int, object, bytes]:
        got = client.request(request.method, request.path, headers={HEADER: "0.9.3"})
        return got.status_code, got.headers, got.content

    monkeypatch.setattr(Connection, "_exchange", exchange)
    lab = Client(Target(ADDRESS, "dn_x", "context lab"))

    with pytest.raises(OtherVersionError) as whoami:
        lab.whoami()
    with pytest.raises(OtherVersionError):  # a HEAD, whose response has no body
        lab.has_code("0" * 64)

    assert str(whoami.value) == (
        f"{ADDRESS} (context lab): the server has distnet {own_version()}, this is 0.9.3; expected "
        f"the same version on both: install distnet=={own_version()} here, or give the server this "
        "one: distnet cluster up FILE"
    )


@pytest.mark.parametrize(
    ("one", "other", "compatible", "same"),
    [
        ("0.1.0", "0.1.0", True, True),
        ("0.1.0", "0.1.7", True, False),
        ("0.1.0", "0.2.0", False, False),
        ("1.2", "2.2", False, False),
        ("unknown", "0.2.0", True, True),
    ],
)
def test_versions_are_compared(one: str, other: str, compatible: bool, same: bool) -> None:
    assert is_compatible(one, other) is compatible
    assert is_same(one, other) is same
