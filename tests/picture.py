"""The picture of the page in the README, made anew: python -m tests.picture docs/page.png."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import expect

from gateway.parts import open_embedder
from gateway.settings import Settings
from tests.browser import watched
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import served

TOLD = "I live in Lisbon with my dog Rex, and I'm vegetarian."
ASKED = "Where could we have dinner tonight?"
ANSWERS = {
    TOLD: "Nice to meet you and **Rex**! I will keep in mind that you are vegetarian.",
    ASKED: "As you are in **Lisbon** and vegetarian, three places that take dogs too:\n\n"
    "1. *Ao 26*, in Chiado, with a vegan kitchen\n"
    "2. *The Food Temple*, in Mouraria, outdoors on the steps\n"
    "3. *Jardim das Cerejas*, a buffet near the Chiado museum",
}


async def script(exchange) -> None:
    if exchange.request.path.endswith("/models"):
        await exchange.json({"object": "list", "data": [{"id": "a-model"}]})
        return
    asked = exchange.request.json["messages"][-1]["content"]
    answer = next(answer for said, answer in ANSWERS.items() if asked.endswith(said))
    words = answer.split(" ")
    pieces = [delta(word + " ") for word in words[:-1]] + [delta(words[-1], "stop"), DONE]
    await exchange.stream(*pieces)


async def picture(path: Path) -> None:
    embedder = open_embedder(Settings(), print)
    window = {"width": 1200, "height": 700}
    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, embedder=embedder) as here:
            async with watched(here.url, viewport=window, color_scheme="light") as seen:
                page = seen.page
                for said in (TOLD, ASKED):
                    await page.get_by_role("link", name="New conversation").click()
                    await expect(page.get_by_role("heading", name="Tell it")).to_be_visible()
                    await page.get_by_label("Your message").fill(said)
                    await page.keyboard.press("Enter")
                    await expect(page.locator(".learned[aria-busy=false]")).to_have_count(1)
                await page.locator(".beside summary").click()
                await expect(page.locator(".recalled .kind").first).to_be_visible()
                await page.locator(".log").evaluate("log => log.scrollTop = 0")
                path.parent.mkdir(parents=True, exist_ok=True)
                await page.screenshot(path=path)
    await embedder.aclose()


if __name__ == "__main__":
    asyncio.run(picture(Path(sys.argv[1])))
