"""Nodes, history, schedules."""

from dataclasses import replace

from playwright.sync_api import expect

from distnet.protocol.schedules import ScheduleRequest
from distnet.scheduler.view import Node
from distnet.server.ledger.users import save_user
from distnet.spec.metric import Metric
from tests.server.harness import ADA, BOB, asks


def test_nodes_show_their_workers_and_what_is_free(site, looker):
    site.harness.cluster.nodes = (
        Node("node-a", 2, 0, "node-a"),
        Node("node-b", 4, 1, "node-b", is_draining=True),
    )
    site.harness.submit(asks(workers=2))
    site.harness.run(2)
    page = looker.open("/nodes")
    first = page.get_by_role("listitem").filter(has_text="node-a")
    expect(first).to_contain_text("digits-1 × 2 workers")
    expect(first.get_by_role("progressbar", name="2 of 2 CPUs in use")).to_be_visible()
    second = page.get_by_role("listitem").filter(has_text="node-b")
    for text in ("leaving", "0 of 4 CPUs in use", "0 of 1 GPUs in use", "no workers"):
        expect(second).to_contain_text(text)
    expect(page.locator("dl.facts")).to_contain_text("4 of 6")


def test_of_many_nodes_some_are_shown_at_first(site, looker):
    site.harness.cluster.nodes = tuple(Node(f"n{at}", 2, 0, f"n{at}") for at in range(70))
    site.harness.run(1)
    page = looker.open("/nodes")
    cards = page.locator(".cards > li")
    expect(cards).to_have_count(60)
    page.get_by_role("button", name="Show more, 10 nodes left").click()
    expect(cards).to_have_count(70)


def test_history_shows_what_ended_the_newest_first(site, looker):
    site.harness.submit(asks(), asks(), asks(workers=4))
    site.harness.server.cancel(ADA, "digits-2")
    site.harness.run_until_all_ended(steps=50)
    page = looker.open("/history")
    expect(page.locator("td.job > a")).to_have_text(["digits-3", "digits-1", "digits-2"])
    expect(page.locator("tr", has_text="digits-1")).to_contain_text("abababab")
    page.get_by_role("button", name="cancelled").click()
    expect(page.locator("td.job > a")).to_have_text(["digits-2"])
    assert page.evaluate("location.hash") == "#/history?state=cancelled"


def test_a_sweep_shows_its_jobs_the_best_first_also_when_all_have_ended(site, looker):
    rates = asks(sweep=("optimizer.learning_rate=0.1,0.01",), name="rates")
    site.harness.submit(rates)
    site.harness.run(2)
    for job, accuracy in (("rates-1", 0.8), ("rates-2", 0.9)):
        site.evaluate(job, Metric("accuracy", "percent", "higher"), accuracy=accuracy)
    site.harness.run_until_all_ended(steps=50)
    page = looker.open("/jobs/rates-1")
    page.get_by_role("link", name="rates", exact=True).click()
    expect(page.locator("td.job > a")).to_have_text(["rates-2", "rates-1"])
    expect(page.locator("tr", has_text="rates-2")).to_contain_text("0.01")
    expect(page.get_by_text("The best is rates-2: test accuracy 90.00%")).to_be_visible()
    expect(page.get_by_role("img", name="2 jobs over optimizer.learning_rate")).to_be_visible()
    page.get_by_role("link", name="rates-2").first.click()
    expect(page.get_by_role("heading", name="rates-2")).to_be_visible()
    looker.expected.append("404")
    page = looker.open("/sweeps/absent")
    expect(page.get_by_text("There is no sweep with this name.")).to_be_visible()


def test_a_sweep_shows_which_trials_were_stopped_early_and_why(site, looker):
    cluster = site.harness.cluster
    cluster.num_steps, cluster.scores = 9, {f"rates-{n}": n / 10 for n in (1, 2, 3)}
    options = {"sets": ("train.steps=null", "train.epochs=9"), "trials_at_once": 2}
    site.harness.submit(asks(sweep=("train.seed=1..3",), name="rates", stop_early=True, **options))
    site.harness.run_until_all_ended()
    page = looker.open("/sweeps/rates")
    expect(page.locator("td.job > a")).to_have_text(["rates-3", "rates-2", "rates-1"])
    row = page.locator("tr", has_text="rates-1")
    expect(row.locator(".pill")).to_have_text("stopped early")
    expect(row).to_contain_text("stopped early at epoch 3 of 9: ")
    rules = (
        "Trials are compared at 1/3 of their epochs, and the best third goes on: 2 of 3 trials "
        "stopped early. At most 2 trials at once."
    )
    expect(page.get_by_text(rules)).to_be_visible()
    page = looker.open("/history")
    page.get_by_role("button", name="stopped early").click()
    expect(page.locator("td.job > a")).to_have_count(2)


def test_a_long_history_ends_with_its_last_page(site, looker):
    site.harness.submit(*(asks() for _ in range(100)))
    for at in range(1, 101):
        site.harness.server.cancel(ADA, f"digits-{at}")
    page = looker.open("/history")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("51 – 100 of 100")).to_be_visible()
    expect(page.locator("td.job > a").last).to_have_text("digits-1")
    expect(page.get_by_role("button", name="Next")).to_be_disabled()


def test_schedules_are_listed_paused_and_removed(site, looker):
    for name, user in (("nightly", ADA), ("theirs", BOB)):
        request = ScheduleRequest(name=name, request=asks(), cron="0 2 * * *", tz="Europe/Berlin")
        site.harness.server.add_schedule(user, request)
    page = looker.open("/schedules", user="ada")
    mine = page.locator("tr", has_text="nightly")
    expect(mine).to_contain_text("0 2 * * *")
    expect(mine).to_contain_text("Europe/Berlin")
    expect(page.locator("tr", has_text="theirs").get_by_role("button")).to_have_count(0)

    mine.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(mine).to_contain_text("paused")
    mine.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(mine).to_have_count(0)
    assert [one.name for one in site.harness.server.schedules()] == ["theirs"]
    with site.harness.ledger.transaction() as tx:
        save_user(tx, replace(BOB, blocked_at=1.0, blocked_by="root"))
    expect(page.locator("tr", has_text="theirs")).to_contain_text("bob is blocked")
