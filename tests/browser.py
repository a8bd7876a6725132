"""A real browser on the page, which may load nothing from elsewhere and has nothing to complain of.

The browser is Debian's chromium, or the one that CHROMIUM names; the tests that need one are left
out where there is none.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
needs_a_browser = pytest.mark.skipif(
    not CHROMIUM, reason="there is no browser: apt-get install chromium"
)

# No sandbox, for tests may run as root, nor /dev/shm, which is small in containers; nothing is
# fetched from anywhere but what is tested.
_OPTIONS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
]


@dataclass
class Watched:
    """A page, and all that went wrong on it."""

    page: Page
    wrong: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@asynccontextmanager
async def browser(**context) -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        try:
            yield await chromium.new_context(locale="en-GB", timezone_id="UTC", **context)
        finally:
            await chromium.close()


@asynccontextmanager
async def watched(url: str, **context) -> AsyncIterator[Watched]:
    """The page at `url`. Whatever the console complains of, or loads from elsewhere, fails it."""
    async with browser(**context) as windows:
        page = await windows.new_page()
        seen = Watched(page)
        page.set_default_timeout(15_000)
        page.on("console", lambda m: seen.wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: seen.wrong.append(str(error)))
        host = urlsplit(url).netloc

        def requested(request):
            there = urlsplit(request.url)
            if there.scheme not in {"data", "blob"} and there.netloc != host:
                seen.elsewhere.append(request.url)

        page.on("request", requested)
        await page.goto(url)
        yield seen
        assert seen.elsewhere == []
        assert seen.wrong == []
