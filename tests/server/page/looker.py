"""Somebody who looks at the page, and notices what a browser complains of."""

import shutil
from collections.abc import Callable

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP = (1280, 900)
PHONE = (390, 844)
# A machine that does other things meanwhile is slow; what is looked for comes at last, or never.
expect.set_options(timeout=60_000)


class Looker:
    """Opens the page as users do."""

    def __init__(self, browser: Browser, address: str, token_of: Callable[[str], str]) -> None:
        self._browser = browser
        self._address = address
        self._token_of = token_of
        self._contexts: list[BrowserContext] = []
        self.faults: list[str] = []
        self.foreign: list[str] = []
        self.expected: list[str] = []
        """What a test brings about itself: parts of faults that are none."""

    def open(
        self,
        place: str = "/",
        *,
        user: str | None = "root",
        size: tuple[int, int] = DESKTOP,
        is_dark: bool = False,
        has_own_time: bool = False,
    ) -> Page:
        """Open the page as a user whose token comes with the address; then go to a place.

        With a time of its own, the page's timers end when the test says that time has passed.
        """
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if is_dark else "light",
            has_touch=size == PHONE,
            is_mobile=size == PHONE,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        if has_own_time:
            page.clock.install()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", self._on_request)
        token = f"#token={self._token_of(user)}" if user else ""
        page.goto(f"{self._address}/{token}")
        if place != "/":
            page.goto(f"{self._address}/#{place}")
        return page

    def close(self) -> None:
        """Say what went wrong."""
        for context in self._contexts:
            context.close()
        faults = [fault for fault in self.faults if not any(e in fault for e in self.expected)]
        assert not faults
        assert not self.foreign

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._address}/", "data:")):
            self.foreign.append(request.url)
