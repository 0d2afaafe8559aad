import pytest
from starlette.datastructures import Headers

from distnet.protocol.errors import ForbiddenError
from distnet.server.http.browser_guard import BrowserGuard
from tests.server.http.api import ADDRESS, Api

HOST = "127.0.0.1:8270"
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8270",
        "127.0.0.1.evil.example",
        "localhost.",
        "0.0.0.0:8270",
        "192.168.0.7:8270",
        "127.0.0.1@evil.example",
        "",
        "[::2]:8270",
    ],
)
def test_a_foreign_host_is_refused_with_a_good_token(api: Api, host: str) -> None:
    response = api.client("root").get("/api/v1/whoami", headers={"Host": host})

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "foreign_host"


@pytest.mark.parametrize("host", ["localhost:8270", "127.0.0.1", "[::1]:8270", "LOCALHOST:1"])
def test_own_names_are_served(api: Api, host: str) -> None:
    assert api.client().get("/api/v1/whoami", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9999", "https://localhost", "file://", ""],
)
@pytest.mark.parametrize("path", ["/healthz", "/api/v1/jobs"])
def test_a_foreign_origin_is_refused(api: Api, origin: str, path: str) -> None:
    response = api.client("root").get(path, headers={"Origin": origin})

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "foreign_origin"
    assert not any(name.startswith("access-control") for name in response.headers)


def test_the_own_origin_is_served(api: Api) -> None:
    headers = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}
    assert api.client().get("/api/v1/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_request_started_by_another_site_is_refused(api: Api, site: str) -> None:
    response = api.client("root").get("/api/v1/jobs", headers={"Sec-Fetch-Site": site})

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "foreign_site"


def test_other_sites_may_link_to_the_page_but_not_to_the_api() -> None:
    guard = BrowserGuard("127.0.0.1", ())

    guard.check("GET", "/", Headers({"host": HOST, **LINK}))
    for method, path in (("GET", "/api/v1/jobs"), ("POST", "/"), ("GET", "/assets/page.js")):
        with pytest.raises(ForbiddenError):
            guard.check(method, path, Headers({"host": HOST, **LINK}))
    framed = {**LINK, "sec-fetch-dest": "iframe"}
    with pytest.raises(ForbiddenError):
        guard.check("GET", "/", Headers({"host": HOST, **framed}))


def test_two_hosts_in_one_request_are_refused() -> None:
    headers = Headers(raw=[(b"host", HOST.encode()), (b"host", b"evil.example")])
    with pytest.raises(ForbiddenError):
        BrowserGuard("127.0.0.1", ()).check("GET", "/", headers)


def test_a_server_for_everybody_knows_addresses_and_its_own_names_only() -> None:
    guard = BrowserGuard("0.0.0.0", ("lab.example",))

    for host in ("10.0.0.7:8270", "lab.example", "[fe80::1]:8270"):
        guard.check("GET", "/", Headers({"host": host}))
    with pytest.raises(ForbiddenError):
        guard.check("GET", "/", Headers({"host": "evil.example"}))


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/jobs", "/nothing"])
@pytest.mark.parametrize("user", ["ada", None])
def test_every_response_has_the_security_headers(api: Api, path: str, user: str | None) -> None:
    headers = api.client(user).get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_preflights_get_no_permission(api: Api) -> None:
    payload = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    response = api.client().options("/api/v1/jobs", headers=payload)

    assert response.status_code == 403
    assert not any(name.startswith("access-control") for name in response.headers)
