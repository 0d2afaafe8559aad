"""The page of one job."""

import pytest
from playwright.sync_api import expect

from distnet.protocol.states import JobState
from distnet.server.ledger.jobs import mark_removed
from tests.run_folder.run_folders import digits_run
from tests.server.harness import ADA, asks

HTML = "<img src=x onerror=\"document.title='broken in'\"><b>bold</b>"


@pytest.fixture
def running(site):
    """A site where digits-1 trains."""
    site.harness.submit(asks(workers=2))
    site.harness.run(2)
    return site


def test_a_job_shows_how_it_learns(running, looker):
    accuracy = {"name": "accuracy", "format": "percent", "direction": "higher"}
    attempt = {"kind": "attempt", "attempt": 1, "step": 0, "metrics": [accuracy], "split": "test"}
    epoch = {"kind": "epoch", "epoch": 1, "step": 100, "test": {"loss": 0.5, "accuracy": 0.75}}
    running.record("digits-1", attempt)
    running.learn("digits-1", first=1, last=200)
    running.record("digits-1", epoch, {"kind": "checkpoint", "step": 150})
    page = looker.open("/jobs/digits-1")

    loss = page.get_by_role("img", name="Loss: train")
    expect(loss).to_have_attribute("aria-label", "Loss: train 0.3333, test 0.5000")
    expect(page.get_by_role("img", name="Accuracy: train 85.00%, test 75.00%")).to_be_visible()
    expect(page.get_by_role("img", name="Samples per second: all workers 1,000")).to_be_visible()
    expect(page.locator("dl.facts")).to_contain_text("saved at step150")

    running.learn("digits-1", first=201, last=360)
    expect(loss).to_have_attribute("aria-label", "Loss: train 0.2000, test 0.5000")


def test_steps_that_are_computed_again_replace_the_earlier_ones(running, looker):
    running.learn("digits-1", first=1, last=50)
    running.record("digits-1", {"kind": "attempt", "attempt": 2, "cause": "preempt", "step": 20})
    running.write("digits-1", "metrics", '{"kind": "step", "half a line of one that was killed')
    running.learn("digits-1", first=21, last=40)
    page = looker.open("/jobs/digits-1")

    loss = page.locator("figure", has_text="Loss").locator("svg")
    expect(loss).to_have_attribute("aria-label", "Loss: train 1.0000")
    expect(loss.locator("title")).to_have_text("preempt")
    path = loss.locator("path").get_attribute("d")
    assert path is not None
    xs = [float(point.split()[0]) for point in path.lstrip("M").split("L")]
    assert len(xs) == 40
    assert xs == sorted(xs)


def test_the_pointer_shows_the_values_of_a_step(running, looker):
    running.learn("digits-1", first=1, last=41)
    page = looker.open("/jobs/digits-1")
    figure = page.locator("figure", has_text="Loss")
    box = figure.locator("svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 60)
    expect(figure).to_contain_text("step 41")


def test_a_log_is_followed_and_stays_where_one_reads(running, looker):
    running.write("digits-1", "run", "".join(f"line {at}\n" for at in range(300)))
    page = looker.open("/jobs/digits-1")
    log, follow = page.get_by_role("log"), page.get_by_label("Follow")
    at_end = "one => one.scrollHeight - one.clientHeight - one.scrollTop < 24"

    expect(log).to_contain_text("line 299")
    assert log.evaluate(at_end)
    running.write("digits-1", "run", "one line more\n")
    expect(log).to_contain_text("one line more")
    assert log.evaluate(at_end)

    log.evaluate("one => { one.scrollTop = 500; }")
    expect(follow).not_to_be_checked()
    running.write("digits-1", "run", "and another\n")
    expect(log).to_contain_text("and another")
    assert log.evaluate("one => one.scrollTop") == 500
    follow.check()
    assert log.evaluate(at_end)


@pytest.mark.check
def test_a_log_stays_whole_when_the_job_starts_and_when_it_ends(site, looker):
    site.harness.submit(asks(workers=4, name="first"), asks(workers=4, name="second"))
    site.harness.run(2)
    page = looker.open("/jobs/second")
    log, status = page.get_by_role("log"), page.get_by_role("main").get_by_role("status").first
    expect(page.get_by_role("region", name="Why it waits")).to_be_visible()
    site.harness.server.cancel(ADA, "first")
    site.harness.run(5)
    expect(status).to_have_text("running")
    site.write("second", "run", "the first line\n")
    expect(log).to_contain_text("the first line")
    site.learn("second", first=1, last=40)
    expect(page.get_by_role("img", name="Loss: train")).to_be_visible()
    site.write("second", "run", "the second line\n")
    expect(log).to_contain_text("the second line")
    site.write("second", "run", "a bar:  0%\ra bar: 40%")
    expect(log).to_contain_text("a bar: 40%")
    site.write("second", "run", "\ra bar: 70%\ra bar: 99%\r\n")
    expect(log).to_contain_text("a bar: 99%")
    site.harness.fail("second", "no such device", "bug")
    site.harness.run(2)
    expect(page.locator("p.note")).to_contain_text("no such device")
    whole = "the first line\nthe second line\na bar: 99%\n"
    expect(log).to_have_text(whole, use_inner_text=True)


def test_a_log_that_was_removed_is_not_called_empty(running, looker):
    running.harness.server.cancel(ADA, "digits-1")
    running.harness.run_until_all_ended()
    with running.harness.ledger.transaction() as tx:
        mark_removed(tx, 1, running.harness.clock())
    page = looker.open("/jobs/digits-1")

    expect(page.get_by_role("region", name="Logs")).to_contain_text("The log was removed on 20")


def test_of_a_long_log_the_end_is_shown_first_and_the_rest_on_demand(running, looker):
    lines = [f"línea✓{at:06}" for at in range(30_000)]
    running.write("digits-1", "run", "\n".join(lines) + "\n")
    page = looker.open("/jobs/digits-1")
    log, earlier = page.get_by_role("log"), page.get_by_role("button", name="Show earlier lines")

    expect(log).to_contain_text(lines[-1])
    expect(log).not_to_contain_text(lines[100])
    expect(earlier).to_be_visible()
    while earlier.is_visible():
        before = len(log.inner_text())
        earlier.click()
        page.wait_for_function(
            "n => document.querySelector('.log').innerText.length > n", arg=before
        )
    assert log.inner_text().split() == " ".join(lines).split()


def test_each_worker_has_a_log(running, looker):
    running.write("digits-1", "run", "the run\n")
    running.write("digits-1", "worker-1", "\x1b[31mthe second worker\x1b[0m\n")
    page = looker.open("/jobs/digits-1")
    expect(page.get_by_role("log")).to_have_text("the run\n", use_inner_text=True)
    page.get_by_role("button", name="worker-1").click()
    expect(page.get_by_role("log")).to_have_text("the second worker\n", use_inner_text=True)


def test_text_of_users_stays_text(running, looker):
    running.write("digits-1", "run", f"{HTML}\n")
    page = looker.open("/jobs/digits-1")
    expect(page.get_by_role("log")).to_have_text(HTML)
    running.harness.fail("digits-1", HTML, "bug")
    running.harness.run(1)
    expect(page.locator("p.note")).to_contain_text(HTML)
    expect(page.get_by_role("region", name="Attempts")).to_contain_text(HTML)
    assert page.locator("img, b:text-is('bold')").count() == 0
    page.goto(f"{running.address}/#/history")
    expect(page.locator("tr", has_text="digits-1")).to_contain_text(HTML)
    assert page.locator("img, b:text-is('bold')").count() == 0
    assert "broken in" not in page.title()


def test_a_waiting_job_shows_its_reason_and_what_would_start_it(running, looker):
    running.harness.submit(asks(workers=4, name="next"), asks(workers=4, name="later"))
    running.harness.run(1)
    why = running.harness.server.why("later")
    page = looker.open("/jobs/later")
    region = page.get_by_role("region", name="Why it waits")

    expect(region).to_contain_text(why.reason)
    expect(region).to_contain_text(why.would_start)
    expect(region).to_contain_text(f"position in the queue{why.position}")
    expect(region.get_by_role("link", name="next")).to_be_visible()
    region.get_by_role("link", name="digits-1").first.click()
    expect(page.get_by_role("heading", name="digits-1")).to_be_visible()


def test_attempts_and_events_are_listed(running, looker):
    running.harness.submit(asks(workers=4, priority=9, name="urgent"))
    running.harness.run(4)
    page = looker.open("/jobs/digits-1")
    expect(page.get_by_role("region", name="Attempts")).to_contain_text("stopped (preempt)")
    expect(page.get_by_role("region", name="Events")).to_contain_text("preempted by urgent")
    page.get_by_text("Job file").click()
    expect(page.get_by_text("source: mnist")).to_be_visible()


def test_a_job_is_stopped_through_the_page(running, looker):
    page = looker.open("/jobs/digits-1", user="ada")
    page.get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog", name="Stop digits-1?")
    expect(dialog).to_contain_text("saves a checkpoint, then ends")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).not_to_be_visible()
    assert running.harness.job("digits-1").state is JobState.RUNNING

    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.get_by_role("status").first).to_have_text("stopping")
    running.harness.run(3)
    expect(page.get_by_role("status").first).to_have_text("stopped")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    assert running.harness.job("digits-1").state is JobState.STOPPED


def test_priority_and_workers_are_entered_in_a_dialog(site, looker):
    site.harness.submit(asks(workers=1))
    page = looker.open("/jobs/digits-1")
    page.get_by_role("button", name="Priority").click()
    page.get_by_label("Priority, -1000 to 1000").fill("-7")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_have_text("digits-1 has a new priority: -7.")
    assert site.harness.job("digits-1").priority == -7

    page.get_by_role("button", name="Resize").click()
    page.get_by_label("Workers").fill("99")
    page.get_by_role("dialog").get_by_role("button", name="Resize").click()
    looker.expected.append("422")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("expected at most 4")
    page.get_by_label("Workers").fill("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    assert site.harness.job("digits-1").most == 3


@pytest.mark.parametrize(("user", "has_buttons"), [("vic", 0), ("bob", 0), ("ada", 1), ("root", 1)])
def test_only_users_who_can_control_a_job_see_its_buttons(running, looker, user, has_buttons):
    page = looker.open("/jobs/digits-1", user=user)
    expect(page.get_by_text(f"{user} ·")).to_be_visible()
    expect(page.get_by_role("region", name="Events")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(has_buttons)


@pytest.mark.parametrize("name", ["nobody-knows-me", "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"])
def test_a_job_that_is_not_there_is_said_not_to_be(site, looker, name):
    looker.expected += ["404", "422"]
    page = looker.open(f"/jobs/{name}")
    expect(page.get_by_text("There is no job with this name.")).to_be_visible()
    assert page.locator("img").count() == 0


@pytest.mark.check
def test_the_report_is_shown_in_a_frame_that_runs_nothing(running, looker):
    digits_run(running.harness.settings.runs / "digits-1")
    page = looker.open("/jobs/digits-1", user="vic")
    section = page.get_by_role("region", name="Report")
    section.get_by_role("button", name="Show the report").click()

    frame = page.frame_locator("iframe.report")
    drawn = frame.get_by_role("heading", name="digits-1")
    expect(drawn).to_be_visible(timeout=180_000)  # a process draws it, which loads matplotlib
    expect(frame.get_by_role("img", name="How many samples of each class")).to_be_visible()
    expect(page.locator("iframe.report")).to_have_attribute("sandbox", "")
    with page.expect_popup() as opened:
        section.get_by_role("button", name="Open in a new tab").click()
    expect(opened.value.get_by_role("heading", name="digits-1")).to_be_visible()
    assert opened.value.evaluate("window.origin") == "null"
    expect(section).to_contain_text("distnet fetch digits-1")


def test_a_report_that_cannot_be_drawn_says_why(running, looker):
    looker.expected.append("404")
    page = looker.open("/jobs/digits-1")
    section = page.get_by_role("region", name="Report")
    section.get_by_role("button", name="Show the report").click()

    expect(section.get_by_role("alert")).to_contain_text("does not see")
