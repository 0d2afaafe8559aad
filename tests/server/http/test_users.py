import threading
import time

import httpx
import pytest

from distnet.protocol.users import TokenRequest
from distnet.server.ledger.tables import metadata
from distnet.server.users.authenticator import LOOKUP_EVERY_S
from tests.server.http.api import Api
from tests.server.http.live import live


@pytest.fixture
def api(each_api: Api) -> Api:
    return each_api


def test_whoami_names_the_user_of_the_token(api: Api) -> None:
    who = api.client("vic").get("/api/v1/whoami").json()

    assert (who["user"], who["role"], who["team"]) == ("vic", "viewer", "vision")
    assert who["token"] == api.token("vic")[3:15]
    assert who["server"] == api.harness.ledger.id


def test_a_new_token_works_and_is_shown_once(api: Api) -> None:
    client = api.client("ada")

    made = client.post("/api/v1/tokens", json={"note": "laptop"})
    assert made.status_code == 201
    secret = made.json()["secret"]

    assert api.client(None, token=secret).get("/api/v1/whoami").json()["user"] == "ada"
    listed = client.get("/api/v1/tokens")
    assert made.json()["id"] in {token["id"] for token in listed.json()["tokens"]}
    assert all(token["secret"] is None for token in listed.json()["tokens"])
    assert secret not in listed.text


def test_nothing_in_the_ledger_gives_a_token_away(api: Api) -> None:
    secret = api.client("ada").post("/api/v1/tokens", json={}).json()["secret"]

    with api.harness.ledger.reading() as tx:
        kept = [str(tx.execute(table.select()).all()) for table in metadata.sorted_tables]

    assert secret[3:15] in "".join(kept)
    assert secret[16:] not in "".join(kept)


def test_users_see_their_own_tokens_and_an_admin_all(api: Api) -> None:
    for user in ("ada", "bob"):
        api.token(user)

    def owners(user: str) -> set[str]:
        return {t["user"] for t in api.client(user).get("/api/v1/tokens").json()["tokens"]}

    assert owners("ada") == {"ada"}
    assert owners("root") >= {"ada", "bob", "root"}


def test_a_revoked_token_is_worthless_at_once(api: Api) -> None:
    secret = api.client("ada").post("/api/v1/tokens", json={}).json()["secret"]
    own = api.client(None, token=secret)
    assert own.get("/api/v1/jobs").status_code == 200

    assert api.client("ada").delete(f"/api/v1/tokens/{secret[3:15]}").status_code == 200

    assert own.get("/api/v1/jobs").status_code == 401
    assert api.client("ada").delete("/api/v1/tokens/zzzzzzzzzzzz").status_code == 404


def test_a_token_that_another_process_revokes_is_worthless_soon(api: Api) -> None:
    secret = api.token("ada", note="laptop")
    client = api.client(None, token=secret)
    assert client.get("/api/v1/jobs").status_code == 200

    api.users.revoke(None, secret[3:15])
    api.clock.pass_(LOOKUP_EVERY_S + 0.1)

    assert client.get("/api/v1/jobs").status_code == 401


def test_a_role_that_another_process_changes_counts_soon(api: Api) -> None:
    ada = api.client("ada")
    assert ada.get("/api/v1/users").status_code == 403

    changed = api.users.make(None, TokenRequest(user="ada", role="admin", change_role=True))
    api.clock.pass_(LOOKUP_EVERY_S + 0.1)

    assert changed.role == "admin"
    assert ada.get("/api/v1/users").status_code == 200


def test_a_token_does_not_change_the_role_of_its_user(api: Api) -> None:
    refused = api.client("root").post("/api/v1/tokens", json={"user": "ada", "role": "viewer"})

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "other_role"
    message = refused.json()["error"]["message"]
    assert "ada is already submitter" in message
    assert "distnet token create --user ada --role viewer --change-role" in message
    same = api.client("root").post("/api/v1/tokens", json={"user": "ada", "role": "submitter"})
    assert same.status_code == 201
    payload = {"user": "ada", "role": "viewer", "change_role": True}
    assert api.client("root").post("/api/v1/tokens", json=payload).json()["role"] == "viewer"
    assert (
        api.client("ada").post("/api/v1/tokens", json=payload | {"role": "admin"}).status_code
        == 403
    )


def test_an_admin_makes_users(api: Api) -> None:
    payload = {"user": "eve", "role": "viewer", "team": "speech"}
    made = api.client("root").post("/api/v1/tokens", json=payload).json()

    who = api.client(None, token=made["secret"]).get("/api/v1/whoami").json()
    assert (who["user"], who["role"], who["team"]) == ("eve", "viewer", "speech")
    users = api.client("root").get("/api/v1/users").json()["users"]
    assert [u["name"] for u in users] == sorted(u["name"] for u in users)
    assert "eve" in {u["name"] for u in users}


def test_the_last_admin_stays_one(api: Api) -> None:
    response = api.client("root").post("/api/v1/tokens", json={"user": "root", "role": "viewer"})

    assert response.status_code == 409
    assert response.json()["error"]["code"] == "last_admin"
    assert api.client("root").get("/api/v1/users").status_code == 200


def test_a_token_does_not_outlive_the_one_that_made_it(api: Api) -> None:
    end = api.clock() + 100
    short = api.client(None, token=api.token("ada", expires_at=end))

    assert short.post("/api/v1/tokens", json={}).json()["expires_at"] == end
    later = short.post("/api/v1/tokens", json={"expires_at": end + 1000}).json()
    assert later["expires_at"] == end
    assert short.post("/api/v1/tokens", json={"expires_at": end - 1}).json()["expires_at"] < end


@pytest.mark.parametrize(
    "payload",
    [
        {"expires_at": 1.0},
        {"user": "Not A Name"},
        {"role": "king"},
        {"note": "x" * 201},
        {"note": "a\nb"},
        {"what": 1},
    ],
)
def test_an_invalid_token_request_is_refused(api: Api, payload: dict[str, object]) -> None:
    response = api.client("root").post("/api/v1/tokens", json=payload)

    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid"


def test_the_first_user_is_made_once(api: Api) -> None:
    assert api.users.first_admin("someone") is None
    assert "someone" not in {user.name for user in api.users.users()}


def test_tokens_remember_when_they_were_used(api: Api) -> None:
    client = api.client("ada")
    client.get("/api/v1/whoami")
    (first,) = [t["used_at"] for t in client.get("/api/v1/tokens").json()["tokens"]]
    api.clock.pass_(3600)
    client.get("/api/v1/whoami")
    (second,) = [t["used_at"] for t in client.get("/api/v1/tokens").json()["tokens"]]

    assert second - first == 3600


def test_teams_are_kept(api: Api) -> None:
    team = {"name": "vision", "weight": 2.0, "quota_cpus": 8.0}

    assert api.client("root").put("/api/v1/teams/vision", json=team).status_code == 200
    (kept,) = api.client("vic").get("/api/v1/teams").json()["teams"]
    assert {key: kept[key] for key in team} == team
    assert api.client("root").put("/api/v1/teams/speech", json=team).status_code == 422


def test_a_token_made_without_a_server_names_its_user(api: Api) -> None:
    made = api.users.make(None, TokenRequest(user="zoe", role="admin"))

    assert (made.user, made.role) == ("zoe", "admin")
    assert ("local", "zoe is admin, team default") in api.events("user-created")


def test_creating_and_revoking_tokens_hashes_no_others_again(api: Api) -> None:
    for user in ("ada", "bob"):
        assert api.client(user).get("/api/v1/whoami").status_code == 200

    made = api.client("ada").post("/api/v1/tokens", json={}).json()
    api.client("ada").delete(f"/api/v1/tokens/{made['id']}")

    assert api.authenticator.recall(api.token("bob")) is not None
    assert api.authenticator.recall(api.token("ada")) is None  # looked up again
    assert api.authenticator.has_hashed(api.token("ada"))


def test_tokens_are_created_one_by_one_without_delaying_other_requests(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten users want more of them than the pool has threads, and another one lists jobs."""
    names = [f"user-{number % 10}" for number in range(60)]
    of_users = [{"Authorization": f"Bearer {api.token(name)}"} for name in names]
    of_another = {"Authorization": f"Bearer {api.token('ada')}"}
    at_once, most, may_end = 0, 0, threading.Event()

    def hash_slowly(text: str, salt: bytes) -> bytes:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        may_end.wait(30)
        time.sleep(0.01)
        at_once -= 1
        return text.encode() + salt

    statuses: list[int] = []

    def make(headers: dict[str, str]) -> None:
        response = httpx.post(f"{address}/api/v1/tokens", json={}, headers=headers, timeout=60)
        statuses.append(response.status_code)

    with live(api) as address:
        monkeypatch.setattr("distnet.server.users.users.hash_token", hash_slowly)
        makers = [threading.Thread(target=make, args=(headers,)) for headers in of_users]
        for maker in makers:
            maker.start()
        while api.authenticator.create_limiter.statistics().tasks_waiting < len(makers) - 1:
            time.sleep(0.01)
        response = httpx.get(f"{address}/api/v1/jobs", headers=of_another, timeout=20)
        may_end.set()
        for maker in makers:
            maker.join()

    assert response.status_code == 200
    assert (most, statuses) == (1, [201] * len(makers))
