import hashlib
from typing import Any

import pytest

from tests.server.harness import asks
from tests.server.http.api import Api, body


@pytest.fixture
def api(each_api: Api) -> Api:
    return each_api


def submit(api: Api, user: str = "ada", **more: Any) -> dict[str, Any]:
    response = api.client(user).post("/api/v1/jobs", json=body(**more))
    assert response.status_code == 201, response.text
    job: dict[str, Any] = response.json()["jobs"][0]
    return job


def test_a_job_is_submitted_listed_and_described(api: Api) -> None:
    job = submit(api, priority=7)
    client = api.client("vic")

    listed = client.get("/api/v1/jobs").json()
    details = client.get(f"/api/v1/jobs/{job['name']}").json()
    why = client.get(f"/api/v1/jobs/{job['name']}/why").json()

    assert (job["name"], job["owner"], job["team"], job["priority"]) == (
        "digits-1", "ada", "vision", 7,
    )  # fmt: skip
    assert [j["name"] for j in listed["jobs"]] == ["digits-1"]
    assert listed["num_total"] == 1
    assert details["job"]["state"] == "waiting"
    assert "kind: mlp" in details["spec"]
    assert why["job"] == "digits-1"


def test_the_same_key_is_the_same_submit(api: Api) -> None:
    request = body()
    client = api.client()

    first, second = (client.post("/api/v1/jobs", json=request) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["jobs"][0]["name"] == second.json()["jobs"][0]["name"]
    assert client.get("/api/v1/jobs").json()["num_total"] == 1
    assert api.client("bob").post("/api/v1/jobs", json=request).status_code == 201


def test_many_jobs_are_submitted_together_or_not_at_all(api: Api) -> None:
    client = api.client()
    jobs = [body() for _ in range(5)]
    bad = [*jobs, body(after=("nothing-1",))]

    refused = client.post("/api/v1/jobs/bulk", json={"jobs": bad})
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "unknown_dependency"
    assert client.get("/api/v1/jobs").json()["num_total"] == 0

    done = client.post("/api/v1/jobs/bulk", json={"jobs": jobs})
    assert done.status_code == 201
    assert [job["name"] for job in done.json()["jobs"]] == [f"digits-{n}" for n in range(1, 6)]


def test_a_sweep_is_one_submit_of_several_jobs(api: Api) -> None:
    response = api.client().post("/api/v1/jobs", json=body(sweep=("train.seed=1..3",)))

    assert len(response.json()["jobs"]) == 3
    assert {job["array"] for job in response.json()["jobs"]} == {"digits-sweep-1"}


def test_pages_follow_each_other(api: Api) -> None:
    client = api.client()
    client.post("/api/v1/jobs/bulk", json={"jobs": [body() for _ in range(5)]})

    first = client.get("/api/v1/jobs", params={"limit": 3}).json()
    rest = client.get("/api/v1/jobs", params={"limit": 3, "after": first["next"]}).json()

    assert [job["number"] for job in first["jobs"] + rest["jobs"]] == [1, 2, 3, 4, 5]
    assert rest["next"] is None


def test_jobs_are_chosen_by_owner_state_and_name(api: Api) -> None:
    submit(api, "ada")
    submit(api, "bob", name="special")
    client = api.client("vic")
    api.client("bob").post("/api/v1/jobs/special/cancel")

    def names(**query: Any) -> list[str]:
        return [job["name"] for job in client.get("/api/v1/jobs", params=query).json()["jobs"]]

    assert names(owner="ada") == ["digits-1"]
    assert names(state="ended") == ["special"]
    assert names(state="all", text="spec") == ["special"]
    assert names(team="nobody") == []


@pytest.mark.parametrize(
    "query",
    [
        {"state": "what"},
        {"limit": "0"},
        {"limit": "1000000"},
        {"owner": "a\x00b"},
        {"text": "%"},
        {"after": "open:1;drop"},
        {"order": "age"},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(api: Api, query: dict[str, str]) -> None:
    response = api.client().get("/api/v1/jobs", params=query)

    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid"
    assert next(iter(query)) in response.json()["error"]["message"]


def test_a_job_is_controlled_by_its_owner(api: Api) -> None:
    submit(api)
    client = api.client()

    def after(command: str, json: dict[str, int] | None = None) -> dict[str, Any]:
        response = client.post(f"/api/v1/jobs/digits-1/{command}", json=json or {})
        assert response.status_code == 200, response.text
        job: dict[str, Any] = response.json()
        return job

    assert after("hold")["state"] == "held"
    assert after("release")["state"] == "waiting"
    assert after("priority", {"priority": 7})["priority"] == 7
    assert after("resize", {"workers": 2})["most"] == 2
    assert after("stop")["state"] == "stopped"
    assert after("retry")["state"] == "waiting"
    assert after("cancel")["state"] == "cancelled"


def test_an_admin_controls_everybodys_jobs(api: Api) -> None:
    submit(api)
    assert api.client("root").post("/api/v1/jobs/digits-1/cancel").status_code == 200


@pytest.mark.parametrize(
    ("path", "json", "status", "code"),
    [
        ("digits-1/release", {}, 409, "wrong_state"),
        ("nothing-1/cancel", {}, 404, "not_found"),
        ("digits-1/explode", {}, 422, "invalid"),
        ("digits-1/resize", {"workers": 0}, 422, "invalid"),
        ("digits-1/resize", {"workers": 99}, 422, "too_many_workers"),
        ("digits-1/resize", {"workers": "many"}, 422, "invalid"),
        ("digits-1/priority", {"priority": 1001}, 422, "invalid"),
        ("digits-1/priority", {}, 422, "invalid"),
    ],
)
def test_a_command_that_is_refused_shows_its_reason(
    api: Api, path: str, json: dict[str, Any], status: int, code: str
) -> None:
    submit(api)

    response = api.client().post(f"/api/v1/jobs/{path}", json=json)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"spec": "name: ["}, "bad_job_file"),
        ({"spec": "name: digits\nnetwork: {kind: nothing}\n"}, "bad_job_file"),
        ({"workers": 99}, "bad_job_file"),
        ({"sets": ["data.source=nosuch"]}, "bad_job_file"),
        ({"after": ["nothing-1"]}, "unknown_dependency"),
        ({"sweep": ["train.seed"]}, "bad_sweep"),
        ({"key": "x"}, "invalid"),
        ({"at": "soon"}, "invalid"),
        ({"spec": "x" * 1_000_001}, "invalid"),
        ({"unknown": 1}, "invalid"),
    ],
)
def test_a_wrong_submit_is_refused_with_a_code(api: Api, change: dict[str, Any], code: str) -> None:
    response = api.client().post("/api/v1/jobs", json={**body(), **change})

    assert (response.status_code, response.json()["error"]["code"]) == (422, code), response.text


def test_a_job_that_can_never_fit_is_refused(api: Api) -> None:
    api.harness.run(1)  # the cluster has been seen
    spec = body()["spec"].replace("slices: 4", "slices: 8")
    response = api.client().post("/api/v1/jobs", json={**body(), "spec": spec, "workers": 8})

    assert (response.status_code, response.json()["error"]["code"]) == (422, "never_fits")


def test_a_name_that_is_taken_is_a_conflict(api: Api) -> None:
    submit(api, name="mine")
    response = api.client("bob").post("/api/v1/jobs", json=body(name="mine"))

    assert (response.status_code, response.json()["error"]["code"]) == (409, "name_taken")


def test_code_is_uploaded_once_and_only_as_what_it_is(api: Api) -> None:
    data = b"an archive"
    sha = hashlib.sha256(data).hexdigest()
    client = api.client()

    assert client.head(f"/api/v1/code/{sha}").status_code == 404
    assert client.put(f"/api/v1/code/{sha}", content=data).status_code == 204
    assert client.head(f"/api/v1/code/{sha}").status_code == 200
    wrong = client.put(f"/api/v1/code/{'0' * 64}", content=data)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "wrong_hash")
    assert client.put("/api/v1/code/short", content=data).status_code == 422


def test_schedules_are_kept_paused_and_removed(api: Api) -> None:
    client = api.client()
    payload = {"name": "nightly", "cron": "0 2 * * *", "tz": "Europe/Berlin", "request": body()}

    added = client.post("/api/v1/schedules", json=payload)
    assert added.status_code == 201
    assert added.json()["next_at"] > api.clock()
    assert client.post("/api/v1/schedules", json=payload).status_code == 409
    assert client.post("/api/v1/schedules/nightly/pause").json()["is_paused"] is True
    assert client.post("/api/v1/schedules/nightly/resume").json()["is_paused"] is False
    assert [s["name"] for s in client.get("/api/v1/schedules").json()["schedules"]] == ["nightly"]
    assert client.delete("/api/v1/schedules/nightly").status_code == 204
    assert client.get("/api/v1/schedules").json()["schedules"] == []
    for wrong, code in ((("cron", "every day"), "bad_cron"), (("tz", "Mars/A"), "bad_time_zone")):
        response = client.post("/api/v1/schedules", json={**payload, wrong[0]: wrong[1]})
        assert (response.status_code, response.json()["error"]["code"]) == (422, code)


def test_the_cluster_and_the_event_log_are_shown(api: Api) -> None:
    submit(api)
    api.harness.run(2)
    client = api.client("vic")

    cluster = client.get("/api/v1/cluster").json()
    events = client.get("/api/v1/events").json()
    later = client.get("/api/v1/events", params={"after": events["next"]}).json()
    own = client.get("/api/v1/jobs/digits-1/events").json()["events"]

    assert cluster["is_reachable"] is True
    assert {node["id"] for node in cluster["nodes"]} == {"node-a", "node-b"}
    assert {"submitted", "started"} <= {event["kind"] for event in own}
    assert len(events["events"]) >= len(own)
    assert later["events"] == []
    assert client.get("/api/v1/jobs/nothing-1/events").status_code == 404


def test_hours_are_summed_once_by_what_is_named_twice(api: Api) -> None:
    api.harness.submit(asks())
    api.harness.run(3)
    client = api.client("root")

    twice = client.get("/api/v1/usage?by=job&by=team&by=job")

    assert twice.status_code == 200, twice.text
    assert twice.json() == client.get("/api/v1/usage?by=job&by=team").json()
    assert [row["job"] for row in twice.json()["rows"]] == ["digits-1"]
