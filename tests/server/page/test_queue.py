"""The queue, as it is seen in a browser."""

import pytest
from playwright.sync_api import Page, expect

from distnet.spec.metric import Metric
from tests.server.harness import ADA, BOB, asks
from tests.server.page.looker import DESKTOP, PHONE


def rows(page: Page):
    return page.locator("tbody tr:not(.group)")


def names(page: Page) -> list[str]:
    return page.locator("td.job > a").all_inner_texts()


def test_an_empty_queue_says_how_to_fill_it(site, looker):
    site.harness.run(1)
    page = looker.open()
    expect(page.get_by_text("No jobs are running or waiting.")).to_be_visible()
    expect(page.get_by_text("distnet submit")).to_be_visible()
    expect(page.get_by_text("4 of 4 CPUs free on 2 nodes")).to_be_visible()


def test_jobs_are_shown_in_the_order_of_the_scheduler_with_their_reasons(site, looker):
    site.harness.submit(asks(workers=3), asks(workers=4), asks(workers=4, priority=5))
    site.harness.server.hold(ADA, "digits-3")
    site.harness.run(3)
    site.harness.server.release(ADA, "digits-3")
    site.harness.server.hold(ADA, "digits-2")
    site.harness.submit(asks(workers=4, priority=-1))
    site.progress("digits-1", loss=0.25, samples_per_second=12345.0)
    site.evaluate("digits-1", Metric("accuracy", "percent", "higher"), accuracy=0.9, loss=0.3)

    page = looker.open()

    running = page.locator("tr", has_text="digits-1")
    for text in (
        "running",
        "ada",
        "vision",
        "/ 100",
        "0.2500",
        "90.00%",
        "test accuracy",
        "12,345",
    ):
        expect(running).to_contain_text(text)
    waiting = page.locator("tr", has_text="digits-4")
    expect(waiting).to_contain_text("just queued")
    site.harness.run(1, steps=0)
    reason = site.harness.job("digits-4").reason
    expect(waiting).to_contain_text(reason)
    wanted = [job.name for job in site.harness.open_jobs()]
    assert wanted[0] == "digits-1"
    assert names(page) == wanted
    expect(page.get_by_role("rowheader")).to_have_text(
        ["Running", "Waiting, in order", "Not in the queue"]
    )


def test_changes_are_shown_without_reloading(site, looker):
    page = looker.open()
    expect(page.get_by_text("No jobs are running")).to_be_visible()
    site.harness.submit(asks())
    expect(page.get_by_role("link", name="digits-1")).to_be_visible()
    site.harness.run(2)
    expect(page.locator("td.state")).to_have_text("running")


def test_of_a_thousand_jobs_only_a_page_is_in_the_document(site, looker):
    site.harness.submit(*(asks() for _ in range(1000)))
    site.harness.run(2)
    wanted = [job.name for job in site.harness.open_jobs()]

    page = looker.open()

    expect(page.get_by_text("1 – 50 of 1,000")).to_be_visible()
    assert names(page) == wanted[:50]
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("51 – 100 of 1,000")).to_be_visible()
    assert names(page) == wanted[50:100]
    expect(rows(page)).to_have_count(50)
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("1 – 50 of 1,000")).to_be_visible()
    expect(page.get_by_role("button", name="First")).to_be_disabled()


def test_jobs_are_found_by_name_state_and_owner(site, looker):
    site.harness.submit(asks(name="alpha"), asks(name="beta"))
    site.harness.submit(asks(name="alpine"), asks(name="gamma"), user=BOB)
    site.harness.server.hold(BOB, "gamma")
    page = looker.open()
    expect(rows(page)).to_have_count(4)

    page.get_by_role("searchbox").fill("ALP<")
    expect(rows(page)).to_have_count(2)
    assert sorted(names(page)) == ["alpha", "alpine"]
    page.get_by_role("button", name="bob").click()
    expect(rows(page)).to_have_count(1)
    assert names(page) == ["alpine"]
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="held 1").click()
    expect(page.locator("td.job > a")).to_have_text(["gamma"])
    assert page.evaluate("location.hash") == "#/?owner=bob&state=held"


def test_an_address_with_filters_can_be_bookmarked(site, looker):
    site.harness.submit(asks(name="alpha"))
    site.harness.submit(asks(name="beta"), user=BOB)
    page = looker.open("/?owner=bob&state=waiting")
    expect(page.locator("td.job > a")).to_have_text(["beta"])


def test_input_focus_and_scroll_position_stay_while_the_page_is_redrawn(site, looker):
    site.harness.submit(*(asks() for _ in range(3)))
    page = looker.open()
    expect(rows(page)).to_have_count(3)
    link = page.get_by_role("link", name="digits-2", exact=True)
    link.focus()
    site.harness.submit(asks(priority=9, name="first"))
    site.harness.run(1, steps=0)
    expect(rows(page)).to_have_count(4)
    expect(page.locator("td.state").first).to_have_text("starting")
    page.get_by_role("searchbox").focus()
    page.keyboard.type("dig")
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("dig")


@pytest.mark.parametrize(
    ("size", "is_dark"),
    [
        (PHONE, True),
        (DESKTOP, False),
        pytest.param(PHONE, False, marks=pytest.mark.check),
        pytest.param(DESKTOP, True, marks=pytest.mark.check),
        pytest.param((1920, 1000), False, marks=pytest.mark.check),
        pytest.param((1920, 1000), True, marks=pytest.mark.check),
    ],
)
def test_nothing_is_wider_than_the_window(site, looker, size, is_dark):
    long_name = "a-name-that-is-as-long-as-any-name-of-a-job-may-ever-be-in-here"
    site.harness.submit(asks(workers=2), asks(workers=4, name=long_name))
    site.harness.run(2)
    site.write("digits-1", "run", "a" * 500 + "\n")
    site.learn("digits-1", first=1, last=30)

    page = looker.open(size=size, is_dark=is_dark)

    expect(rows(page)).to_have_count(2)
    _require_to_fit(page)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(16, 21, 27)" if is_dark else "rgb(255, 255, 255)")
    for place, sign in (
        ("/jobs/digits-1", "Samples per second"),
        (f"/jobs/{long_name}", "Why it waits"),
        ("/nodes", "node-a"),
        ("/history", "No ended jobs match"),
        ("/schedules", "There are no schedules"),
    ):
        page.goto(f"{site.address}/#{place}")
        expect(page.get_by_text(sign).first).to_be_visible()
        _require_to_fit(page)


def _require_to_fit(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"the page is {wide} px wider than its window"


def test_workers_that_change_are_shown_with_those_that_are_wanted(site, looker):
    site.harness.submit(asks(workers=2))
    site.harness.run(2)
    site.attempt("digits-1").ignores_stop = True
    site.harness.server.resize(ADA, "digits-1", 1)
    page = looker.open()
    expect(page.get_by_role("row", name="digits-1").get_by_text("2→1")).to_be_visible()
    page.get_by_role("link", name="digits-1").click()
    expect(page.get_by_text("2→1")).to_be_visible()
