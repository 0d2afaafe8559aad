"""A real Chromium that looks at a real server. Without one these tests are skipped, and say so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import needs
from tests.server.page.looker import CHROMIUM, Looker
from tests.server.page.site import Site, open_site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        needs.CHROMIUM.skip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


@pytest.fixture
def looker(browser: Browser, site: Site) -> Iterator[Looker]:
    """Opens the page; at the end nothing of it may have gone wrong."""
    looker = Looker(browser, site.address, site.api.token)
    yield looker
    looker.close()
