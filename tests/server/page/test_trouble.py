"""What is said when the server or the cluster cannot be reached."""

from playwright.sync_api import expect

from tests.server.harness import asks


def test_a_server_that_goes_away_and_comes_back(site, looker):
    looker.expected.append("ERR_CONNECTION_REFUSED")
    site.harness.submit(asks())
    page = looker.open()
    expect(page.get_by_role("link", name="digits-1")).to_be_visible()

    site.stop()
    banner = page.get_by_role("alert").filter(has_text="The server has not responded since")
    expect(banner).to_be_visible()
    expect(page.get_by_role("link", name="digits-1")).to_be_visible()

    site.harness.submit(asks())
    site.start()
    expect(page.get_by_role("link", name="digits-2")).to_be_visible()
    expect(banner).not_to_be_visible()


def test_an_action_on_a_server_that_is_away_is_not_lost_silently(site, looker):
    looker.expected.append("ERR_CONNECTION_REFUSED")
    site.harness.submit(asks())
    page = looker.open("/jobs/digits-1")
    page.get_by_role("button", name="Cancel").click()
    site.stop()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_have_text("The server does not respond.")
    site.start()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).not_to_be_visible()
    expect(page.locator(".pill").first).to_have_text("cancelled")


def test_the_banner_shows_since_when_the_cluster_is_unreachable(site, looker):
    site.harness.run(1)
    site.harness.cluster.is_reachable = False
    site.harness.run(2)
    page = looker.open("/nodes")
    banner = page.get_by_role("alert").filter(has_text="The cluster cannot be reached since")
    expect(banner).to_contain_text("the cluster does not respond")
    site.harness.cluster.is_reachable = True
    site.harness.run(2)
    expect(banner).not_to_be_visible()


def test_a_hidden_page_sends_no_requests(site, looker):
    page = looker.open(has_own_time=True)
    expect(page.get_by_text("No jobs are running")).to_be_visible()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    with page.expect_request("**/api/v1/jobs**"):
        page.clock.run_for(2500)
    hide = """isHidden => {
        Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    site.harness.submit(asks())
    requests.clear()
    page.clock.run_for(60_000)
    assert requests == []
    page.evaluate(hide, False)
    expect(page.get_by_role("link", name="digits-1")).to_be_visible()
