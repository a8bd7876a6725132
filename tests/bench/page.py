"""How the page feels with much in it, in a real browser: python -m tests.bench.page.

A conversation of 500 messages and 10,000 memories. What is told is how long the first load takes
until something can be typed, and the longest that the browser was busy with one thing while keys
were pressed (what it does not report, as under 50 ms, is told as 0).
"""

import asyncio
import time

from playwright.async_api import Page, expect

from gateway.memory.model import (
    Indexed,
    Kind,
    Memory,
    Message,
    Scope,
    Source,
    Speaker,
    Turn,
)
from tests.browser import watched
from tests.served import served

SCOPE = Scope("default", "default")
MESSAGES, MEMORIES, KEYS = 500, 10_000, 60
WORDS = (
    "The quick brown fox lives in Lisbon and likes **bold** coffee, `code` and [links](http://x.y)"
)

WATCH = """() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) {
            window.longest = Math.max(window.longest, duration);
        }
    }).observe({type: 'longtask', buffered: false});
}"""

BUSY = "setTimeout(() => { const end = performance.now() + 120; while (performance.now() < end); })"


def turn(number: int) -> Turn:
    said = Message(role="user", content=f"Message {number}. {WORDS}", time=2 * number)
    content = f"{WORDS}.\n\n- one\n- two\n\n```\ncode {number}\n```"
    answer = Message(role="assistant", content=content, time=2 * number + 1)
    return Turn(
        id=f"t{number}", scope=SCOPE, conversation="c", messages=(said, answer), created=number
    )


def memory(number: int) -> Indexed:
    text = f"Memory {number}: {WORDS}"
    source = Source(role="user", content=text, time=number, conversation="c", turn=f"t{number}")
    made = Memory(
        id=f"m{number}",
        scope=SCOPE,
        kind=Kind.FACT,
        text=text,
        speaker=Speaker.USER,
        conversation="c",
        time=number,
        created=number,
        updated=number,
        sources=(source,),
    )
    return Indexed(memory=made, words=text)


async def typing(page: Page, label: str, text: str) -> float:
    """The longest task in milliseconds while the text was typed, a key every 30 ms."""
    await page.get_by_label(label).click()
    await page.evaluate(WATCH)
    await page.keyboard.type(text, delay=30)
    await page.wait_for_timeout(500)
    return await page.evaluate("window.longest")


async def main() -> None:
    async with served() as here:
        store = here.gateway.store
        for number in range(MESSAGES // 2):
            await store.put_turn(SCOPE, turn(number))
        await store.put_memories(SCOPE, [memory(number) for number in range(MEMORIES)])
        async with watched("about:blank") as seen:
            page = seen.page
            begun = time.perf_counter()
            await page.goto(f"{here.url}/#/talk/new")
            await expect(page.get_by_role("heading", name="Tell it something")).to_be_visible()
            print(
                f"first load, until it can be used   {1000 * (time.perf_counter() - begun):.0f} ms"
            )
            await page.evaluate(WATCH)
            await page.evaluate(BUSY)
            await page.wait_for_timeout(500)
            control = await page.evaluate("window.longest")
            print(f"a task of 120 ms, to compare with  {control:.0f} ms")
            await page.goto(f"{here.url}/#/talk/c")
            await expect(page.locator(".said")).to_have_count(MESSAGES)
            worst = await typing(page, "Your message", "x" * KEYS)
            print(f"typing beside {MESSAGES} messages        longest task {worst:.0f} ms")
            await page.goto(f"{here.url}/#/memories")
            await expect(page.get_by_text(f"{MEMORIES} memories")).to_be_visible()
            for _ in range(9):
                await page.get_by_role("button", name="More").click()
                await page.wait_for_timeout(200)
            await expect(page.locator(".memory")).to_have_count(500)
            worst = await typing(page, "Search", "coffee in lisbon ")
            print(f"searching {MEMORIES} memories, 500 shown  longest task {worst:.0f} ms")
            seen.elsewhere.clear()


if __name__ == "__main__":
    asyncio.run(main())
