"""The page fits every screen, speaks to screen readers, works by keyboard, and weighs little."""

import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser import needs_a_browser, watched
from tests.served import served
from tests.test_page import say, view

pytestmark = [pytest.mark.anyio, pytest.mark.process, needs_a_browser]

WIDTHS = {"phone": 390, "tablet": 820, "desk": 1440}
VIEWS = ["Talk", "Memories", "Knowledge", "Me", "Status"]
AXE = Path(__file__).parent / "clients" / "node" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = os.environ.get("SCREENSHOTS", "")  # a folder, for whoever wants to look at them

SERIOUS = """async () => {
    const found = await axe.run(document, {resultTypes: ['violations']});
    return found.violations
        .filter((each) => ['serious', 'critical'].includes(each.impact))
        .map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(' ')}`);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", WIDTHS)
async def test_every_view_fits_and_has_no_serious_fault_for_who_cannot_see_it(
    tmp_path, screen, scheme
):
    size = {"width": WIDTHS[screen], "height": 844}
    async with served() as here:
        async with watched(here.url, viewport=size, color_scheme=scheme) as seen:
            page = seen.page
            await say(page, "I live in Lisbon.")
            for name in VIEWS:
                await view(page, name)
                await expect(page.locator("main")).to_have_attribute("data-view", name.lower())
                await page.wait_for_load_state("load")
                if name == "Memories":
                    await page.locator(".memory").first.click()
                    await expect(page.locator(".detail h2")).to_be_visible()
                wide = await page.evaluate("document.documentElement.scrollWidth")
                assert wide <= WIDTHS[screen], name
                if AXE.exists():
                    await page.evaluate(AXE.read_text())
                    assert await page.evaluate(SERIOUS) == [], name
                picture = Path(SCREENS or tmp_path) / f"{name.lower()}-{screen}-{scheme}.png"
                await page.screenshot(path=picture)
                assert picture.stat().st_size > 0


async def test_everything_is_reached_and_done_by_keyboard():
    async with served() as here, watched(f"{here.url}/#/me") as seen:
        page = seen.page
        await expect(page.get_by_role("heading", name="Me", exact=True)).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Talk", exact=True)).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Memories")).to_be_visible()
        await view(page, "Talk")
        await expect(page.get_by_label("Your message")).to_be_focused()
        await page.keyboard.type("I live in Lisbon.")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("In the old town.")
        await expect(page.get_by_label("Your message")).to_have_value(
            "I live in Lisbon.\nIn the old town."
        )
        await page.keyboard.press("Enter")
        await expect(page.locator(".learned[aria-busy=false]")).to_have_count(1)
        await page.get_by_role("button", name="Delete I live in Lisbon.").press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_the_first_load_is_small():
    async with served() as here:
        async with watched("about:blank") as seen:
            page, weights = seen.page, []

            async def weighed(request):
                size = await request.sizes()
                weights.append(size["responseBodySize"] + size["responseHeadersSize"])

            page.on("requestfinished", weighed)
            await page.goto(here.url)
            await expect(page.get_by_label("Your message")).to_be_visible()
            await page.wait_for_load_state("networkidle")
            seen.elsewhere.clear()
            assert 10_000 < sum(weights) < 150_000
