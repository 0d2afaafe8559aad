"""Tokens, and what the browser is kept from."""

from playwright.sync_api import expect

from tests.server.harness import asks


def test_the_token_is_taken_out_of_the_address(site, looker):
    page = looker.open()
    expect(page.get_by_text("root · admin")).to_be_visible()
    assert page.url == f"{site.address}/#/"
    assert "token" not in page.evaluate("JSON.stringify([history.state, document.referrer])")
    assert page.evaluate("localStorage.length + document.cookie.length") == 0
    page.reload()
    expect(page.get_by_text("root · admin")).to_be_visible()


def test_a_token_given_to_a_page_that_is_open_is_used_at_once(site, looker):
    page = looker.open(user="ada")
    expect(page.get_by_text("ada · submitter")).to_be_visible()
    page.evaluate("token => { location.hash = `token=${token}`; }", site.api.token("vic"))
    expect(page.get_by_text("vic · viewer")).to_be_visible()
    assert page.url == f"{site.address}/#/"


def test_without_a_token_the_page_requests_one(site, looker):
    looker.expected.append("401")
    page = looker.open("/jobs/digits-1", user=None)
    site.harness.submit(asks())
    field = page.get_by_label("Your token for this server")
    field.fill("dn_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="not a token")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0

    field.fill(site.api.token("ada"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="digits-1")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(field).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_token_that_is_revoked_ends_the_visit(site, looker):
    looker.expected.append("401")
    page = looker.open(user="ada")
    expect(page.get_by_text("ada · submitter")).to_be_visible()
    (token,) = (t for t in site.api.users.tokens(_admin(site)) if t.user == "ada")
    site.api.users.revoke(None, token.id)
    site.harness.clock.pass_(10)
    expect(page.get_by_role("alert").filter(has_text="was revoked")).to_be_visible()


def test_no_script_but_the_servers_own_is_run(site, looker):
    looker.expected.append("Content Security Policy")
    page = looker.open()
    expect(page.get_by_text("root · admin")).to_be_visible()
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.brokenIn = true";
            document.body.append(script);
            const style = document.createElement("style");
            style.textContent = "body { display: none }";
            document.body.append(style);
        }"""
    )
    assert page.evaluate("window.brokenIn") is None
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    refused = page.evaluate(
        "fetch('http://127.0.0.2:9/').then(() => 'sent', () => 'refused')",
    )
    assert refused == "refused"
    looker.foreign.clear()
    violated = [fault for fault in looker.faults if "Content Security Policy" in fault]
    assert any("connect-src" in fault for fault in violated)


def test_the_page_is_used_with_the_keyboard_alone(site, looker):
    site.harness.submit(asks())
    page = looker.open()
    expect(page.get_by_role("link", name="digits-1")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "digits-1":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="digits-1")).to_be_visible()
    assert page.title() == "digits-1 · distnet"


def _admin(site):
    return site.api.authenticator.check(site.api.token("root"))
