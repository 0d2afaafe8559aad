"""As a new user would: server, submit, logs, page, cron, preemption, on a Ray of three machines."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

import distnet
from tests import needs
from tests.launch.job_with_packages import write_job_with_packages
from tests.server.page.looker import CHROMIUM, Looker
from tests.server.three_nodes import (
    ADDRESSES,
    DASHBOARD,
    Machines,
    in_namespace,
    is_possible,
    three_nodes,
    wait_until,
)

pytestmark = [
    pytest.mark.ray,
    pytest.mark.check,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(not is_possible(), reason=str(needs.NAMESPACES)),
]
FIRST_STEPS_MS = 180_000
"""Four workers start on two cores, which others may use too."""
PAGE = "http://127.0.0.1:8270"
JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
LONG = ("train.steps=4000", "evaluate.every_epochs=1000")
SETS = [word for each in LONG for word in ("--set", each)]


class Site:
    """The machines and the server on the head's."""

    def __init__(self, machines: Machines) -> None:
        self.machines = machines
        self.log = machines.folder / "server.log"
        self.server: subprocess.Popen[str] | None = None

    def start_server(self) -> None:
        folder = self.machines.folder
        options = ["--ray", DASHBOARD, "--runs", str(folder / "runs")]
        options += ["--ledger", f"sqlite:///{folder}/ledger.db"]
        self.server = self.machines.start("server", "start", *options, log=self.log)
        wait_until(lambda: self.machines.run("whoami").returncode == 0, 60, self.server)

    def kill_server(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def ask(self, *words: str) -> dict:
        """Run a command of distnet, and read what it prints."""
        done = self.machines.run(*words, "--json")
        assert done.returncode == 0, f"{words}: {done.stderr}{self.log.read_text()[-3000:]}"
        return json.loads(done.stdout)

    def state(self, job: str) -> str:
        return self.job(job)["state"]

    def job(self, name: str) -> dict:
        (job,) = [job for job in self.jobs() if job["name"] == name]
        return job

    def jobs(self) -> list[dict]:
        found = self.ask("ps", "--all")
        return found["jobs"] if isinstance(found, dict) else found

    def at_rung(self, sweep: str) -> list[dict]:
        """The trials that wait for others; which they are depends on who was first."""
        jobs = [job for job in self.jobs() if job["name"].startswith(f"{sweep}-")]
        return [job for job in jobs if job["code"] == "rung"]

    def wait(self, job: str, state: str, timeout_s: float = 180) -> None:
        wait_until(lambda: self.state(job) == state, timeout_s, self.server)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with three_nodes(tmp_path_factory.mktemp("site")) as machines:
        site = Site(machines)
        site.start_server()
        yield site
        site.kill_server()


@pytest.fixture
def looker(site: Site) -> Iterator[Looker]:
    """Somebody with a browser on the head's machine."""
    if CHROMIUM is None:
        needs.CHROMIUM.skip()
    there = site.machines.folder / "chromium"
    there.write_text(f'#!/bin/sh\nexec {" ".join(in_namespace(0, [CHROMIUM]))} "$@"\n')
    there.chmod(0o755)
    token = site.ask("token", "create")["secret"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=there)
        looker = Looker(browser, PAGE, lambda _: token)
        yield looker
        looker.close()
        browser.close()


def test_a_job_of_four_workers_is_followed_to_its_end(site, tmp_path):
    done = site.machines.run("submit", str(JOB), "--workers", "4", "--follow", timeout=300)
    assert done.returncode == 0, done.stderr + site.log.read_text()[-3000:]
    assert "epoch 12/12" in done.stdout
    expected = distnet.run(JOB, inline=True, runs=tmp_path)
    assert site.job("digits-1")["weights_sha256"] == expected.result["weights_sha256"]


def test_a_sweep_is_submitted_watched_and_ranked_and_its_best_job_trains_here(site, tmp_path):
    rates = "optimizer.learning_rate=0.1,0.01,0.001,0.0001"
    few = ("--set", "train.steps=20", "--workers", "1")
    done = site.machines.run("submit", str(JOB), "--name", "rates", "--sweep", rates, *few)
    assert done.returncode == 0, done.stderr
    assert "rates-3 (optimizer.learning_rate=0.001) is waiting" in done.stdout
    assert site.machines.run("wait", "rates", timeout=300).returncode == 0
    best = tmp_path / "best.yaml"

    table = site.ask("sweep", "rates", "--best-job", str(best))

    values = {t["changes"]["optimizer.learning_rate"]: t["value"] for t in table["trials"]}
    expected = {
        rate: distnet.run(
            JOB,
            inline=True,
            runs=tmp_path / "runs",
            overrides=["train.steps=20", f"optimizer.learning_rate={rate}"],
        ).metrics["test_accuracy"]
        for rate in (0.1, 0.01, 0.001, 0.0001)
    }
    assert values == expected
    assert table["trials"][0]["value"] == max(expected.values())
    assert table["best"] == table["trials"][0]["name"]
    again = distnet.run(best, inline=True, runs=tmp_path / "runs")
    assert again.result["weights_sha256"] == site.job(table["best"])["weights_sha256"]


def test_trials_of_a_server_that_was_killed_stop_early_as_those_of_one_machine(site, tmp_path):
    rates, sets = "optimizer.learning_rate=1e-6,0.01,1e-5", ["train.epochs=3"]
    options = ["--stop-early", "--trials-at-once", "2", "--workers", "1", "--set", *sets]
    done = site.machines.run("submit", str(JOB), "--name", "early", "--sweep", rates, *options)
    assert done.returncode == 0, done.stderr
    assert site.ask("why", "early-3")["code"] in ("behind", "trials-at-once")
    paused = wait_until(lambda: site.at_rung("early"), 180, site.server)
    assert paused[0]["reason"].startswith("paused at epoch 1 of 3 to be compared")
    site.kill_server()
    site.start_server()

    assert site.machines.run("wait", "early", timeout=300).returncode == 0

    table = site.ask("sweep", "early")
    here = distnet.sweep(
        JOB, [rates], inline=True, runs=tmp_path, overrides=sets, stop_early=True, name="early"
    )
    ranked = [(trial["name"], trial["state"]) for trial in table["trials"]]
    assert ranked == [(trial.name, trial.state) for trial in here.table.trials]
    assert ranked[0] == ("early-2", "finished")
    assert {state for _, state in ranked[1:]} == {"stopped early"}
    reason = site.job("early-1")["reason"]
    assert reason == (
        "stopped early at epoch 1 of 3: early-2 was better, and 1 of 3 trials goes on"
    )
    assert here.best is not None
    assert site.job("early-2")["weights_sha256"] == here.best.result["weights_sha256"]
    copies = tmp_path / "copies"
    fetched = site.machines.run("fetch", "early-1", "--no-report", "--runs", str(copies))
    assert fetched.returncode == 0, fetched.stderr
    run = distnet.open("early-1", runs=copies)
    assert (run.status, bool(run.result["weights_sha256"])) == ("stopped", True)


def test_a_job_gets_its_packages_and_fails_for_good_where_one_does_not_exist(site, tmp_path):
    job = write_job_with_packages(tmp_path, cache=str(tmp_path / "cache"))
    site.ask("submit", str(job), "--name", "net", "--workers", "2")
    site.wait("net", "finished")
    assert "installing packages: dntiny>=1" in site.machines.run("logs", "net").stdout
    run = site.machines.folder / "runs" / "net"
    attempt = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])
    assert attempt["packages"] == ["dntiny==1.0"]
    expected = distnet.run(job, inline=True, runs=tmp_path / "runs")
    assert site.job("net")["weights_sha256"] == expected.result["weights_sha256"]

    (tmp_path / "requirements.txt").write_text("--no-index\ndntiny\ndnabsent==3\n")
    site.ask("submit", str(job), "--name", "bad")
    site.wait("bad", "failed")
    ended = site.job("bad")
    assert (ended["failure"], ended["num_attempts"]) == ("user_error", 1)
    assert "No matching distribution found for dn" in ended["error"]


def test_programs_run_on_the_nodes_of_a_job_and_its_workers_show_their_stacks(site):
    endless = ("--set", "train.steps=1000000", "--set", "env.DN_LEVEL=three")
    site.ask("submit", str(JOB), "--name", "live", "--workers", "4", *endless)
    site.wait("live", "running")
    program = ("exec", "live", "--", "sh", "-c", "echo level $DN_LEVEL; exit 3")
    done = site.machines.run(*program, timeout=120)
    assert done.returncode == 3, done.stderr
    lines = [line for line in done.stdout.splitlines() if "level three" in line]
    assert {line.split()[1].rstrip("]") for line in lines} <= set(ADDRESSES)
    assert len(lines) == len({line.split()[0] for line in lines}) >= 2
    assert done.stdout.count("exit code 3") == len(lines)

    shown = site.machines.run("stacks", "live", "--server", PAGE, "--rank", "1", timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert "in run_worker" in shown.stdout
    assert {line.split()[0] for line in shown.stdout.splitlines()} == {"[1"}
    none = site.machines.run("exec", "live", "--rank", "9", "--", "hostname", timeout=120)
    assert (none.returncode, "found no worker 9; the workers now are 0, 1, 2, 3") == (
        125,
        none.stdout.strip().removeprefix("cannot be run: "),
    )
    site.ask("cancel", "live")
    site.wait("live", "cancelled")


def test_a_preempted_job_continues_without_repeating_a_step(site, tmp_path):
    site.ask("submit", str(JOB), "--workers", "4", "--name", "low", *SETS)
    wait_until(lambda: (site.job("low")["step"] or 0) > 500, 120)
    urgent = ["--name", "high", "--priority", "5", "--set", "train.steps=200"]
    site.ask("submit", str(JOB), "--workers", "4", *urgent)
    site.wait("high", "finished", 240)
    site.wait("low", "finished", 240)

    lines = (site.machines.folder / "runs" / "low" / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    ends = [record for record in records if record["kind"] == "end"]
    begins = [record for record in records if record["kind"] == "attempt"]
    assert [end["status"] for end in ends] == ["stopped", "finished"]
    assert begins[1]["step"] == ends[0]["step"]
    expected = distnet.run(JOB, inline=True, runs=tmp_path, overrides=LONG)
    assert site.job("low")["weights_sha256"] == expected.result["weights_sha256"]


def test_the_page_shows_what_the_cluster_does(site, looker):
    site.ask("submit", str(JOB), "--workers", "4", "--name", "seen", *SETS)
    short = ["--name", "next", "--set", "train.steps=200"]
    site.ask("submit", str(JOB), "--workers", "2", *short)
    page = looker.open("/jobs/seen")
    expect(page.get_by_role("img", name="Loss: train")).to_be_visible(timeout=FIRST_STEPS_MS)
    expect(page.get_by_role("img", name="Samples per second: all workers")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("epoch 1/18")

    page.goto(f"{PAGE}/#/nodes")
    for address in ADDRESSES[1:]:
        node = page.get_by_role("listitem").filter(has_text=address)
        expect(node).to_contain_text("seen × 2 workers")
    page.goto(f"{PAGE}/#/")
    expect(page.locator("tr", has_text="seen")).to_contain_text("running")
    expect(page.locator("tr", has_text="next")).to_contain_text("first in the queue")

    page.goto(f"{PAGE}/#/jobs/seen")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator(".pill").first).to_have_text("cancelled")
    page.goto(f"{PAGE}/#/jobs/next")
    expect(page.locator(".pill").first).to_have_text("finished", timeout=120_000)
    page.goto(f"{PAGE}/#/history")
    expect(page.locator("td.job > a").first).to_have_text("next")


@pytest.mark.soak
def test_cron_submits_a_job_each_minute(site):
    short = ["--set", "train.steps=20"]
    site.ask("schedule", str(JOB), "--cron", "* * * * *", "--name", "each-minute", *short)
    try:
        wait_until(lambda: len(scheduled(site)) >= 2, 200, site.server)
    finally:
        site.ask("schedules", "remove", "each-minute")
    for job in scheduled(site):
        site.wait(job["name"], "finished", 120)


@pytest.mark.soak
@pytest.mark.parametrize(("running", "waiting"), [(1, 2), (2, 20)])
def test_a_head_that_is_killed_loses_no_job(site, running, waiting):
    """Some run and others wait when the head is killed; an empty one takes its place."""
    base = f"{running}-of-{waiting}"
    runs = [f"runs-{base}-{number}" for number in range(1, running + 1)]
    waits = [f"waits-{base}-{number}" for number in range(1, waiting + 1)]
    for name in runs:
        workers = str(4 // running)
        site.ask("submit", str(JOB), "--name", name, "--workers", workers, *SETS)
    sweep = ["--sweep", f"train.seed=1..{waiting}", "--set", "train.steps=100", "--workers", "1"]
    site.ask("submit", str(JOB), "--name", f"waits-{base}", *sweep)
    for name in runs:
        wait_until(lambda name=name: (site.job(name)["step"] or 0) > 300, 180, site.server)
    before = site.machines.run("logs", runs[0]).stdout
    for index in (0, 1, 2):
        site.machines.kill_node(index)

    assert before.splitlines()[0] in site.machines.run("logs", runs[0]).stdout
    for index in (0, 1, 2):
        site.machines.start_node(index)
    names = {*runs, *waits}
    limit_s = 120 + 60 * len(names)
    wait_until(lambda: {site.state(name) for name in names} == {"finished"}, limit_s, site.server)


def scheduled(site: Site) -> list[dict]:
    return [job for job in site.jobs() if job["schedule"] == "each-minute"]
