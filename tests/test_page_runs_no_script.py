"""Whatever is in a memory, an answer, a title or a tag, the page shows it and never runs it."""

import pytest
from playwright.async_api import FilePayload, expect

from gateway.http.page import POLICY
from gateway.memory.model import Indexed as Entry
from gateway.memory.model import Kind, Labels, Memory, Message, Scope, Source, Speaker, Turn
from tests.browser import needs_a_browser, watched
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process, needs_a_browser]

RAN = "document.documentElement.dataset.ran=1"
PAYLOADS = [
    f"<script>{RAN}</script>",
    f"<img src=x onerror='{RAN}'>",
    f"<svg onload='{RAN}'>",
    f"<svg><script>{RAN}</script></svg>",
    f"<body onload={RAN}>",
    f"<iframe srcdoc='<script>parent.{RAN}</script>'></iframe>",
    f"<iframe src='javascript:parent.{RAN}'></iframe>",
    f"<a href='javascript:{RAN}'>click</a>",
    f"[click](javascript:{RAN})",
    f"[click](JaVaScRiPt:{RAN})",
    f"[click](data:text/html,<script>{RAN}</script>)",
    f"[click](vbscript:{RAN})",
    f"[click]( javascript:{RAN})",
    f"[click](java\tscript:{RAN})",
    f"![x](x' onerror='{RAN})",
    f"<details open ontoggle='{RAN}'>",
    f"<input autofocus onfocus='{RAN}'>",
    f"<video><source onerror='{RAN}'></video>",
    f"<math><mtext></mtext><script>{RAN}</script></math>",
    f"<style>@import 'x'; *{{background:url(\"javascript:{RAN}\")}}</style>",
    f"<object data='javascript:{RAN}'></object>",
    f"<embed src='javascript:{RAN}'>",
    f"<form action='javascript:{RAN}'><button autofocus>x</button></form>",
    f"<base href='javascript:{RAN}//'>",
    f"<meta http-equiv='refresh' content='0;url=javascript:{RAN}'>",
    f'"><script>{RAN}</script>',
    f"'-{RAN}-'",
    f"${{{RAN}}} {{{{constructor.constructor('{RAN}')()}}}}",
    f"`<script>{RAN}</script>`",
    f"```html\n<script>{RAN}</script>\n```",
    f"**<b onmouseover='{RAN}'>bold</b>** _<i>_</i>_",
    f"| a |\n|---|\n| <script>{RAN}</script> |",
]


async def nothing_ran(page):
    """Everything that can be pointed at or opened is, and still nothing has run."""
    for link in await page.locator("main a:not([href^='#'])").all():
        assert (await link.get_attribute("href")).startswith(("http://", "https://"))
    assert await page.evaluate("document.documentElement.dataset.ran") is None
    foreign = "script:not([src^='/ui/']), iframe, object, embed, base, meta[http-equiv], main img"
    assert await page.locator(foreign).count() == 0


async def remember(here):
    scope = Scope("default", "default")
    memories = [
        Memory(
            id=f"m{number}",
            scope=scope,
            kind=Kind.FACT,
            text=text,
            title=text,
            speaker=Speaker.USER,
            conversation=text,
            time=number,
            created=number,
            updated=number,
            labels=Labels(tags=(text,)),
            sources=(
                Source(role=text, content=text, time=number, conversation=text, turn=f"t{number}"),
            ),
        )
        for number, text in enumerate(PAYLOADS)
    ]
    entries = [Entry(memory=memory, words=memory.text) for memory in memories]
    await here.gateway.store.put_memories(scope, entries)
    for number, text in enumerate(PAYLOADS):
        messages = (
            Message(role="user", content=text, time=number),
            Message(role="assistant", content=text, time=number),
        )
        turn = Turn(
            id=f"t{number}",
            scope=scope,
            conversation=text.replace("\n", " "),
            messages=messages,
            created=number,
        )
        await here.gateway.store.put_turn(scope, turn)


async def test_a_memory_and_its_title_tag_and_source_are_text():
    async with served() as here:
        await remember(here)
        async with watched(f"{here.url}/#/memories") as seen:
            page = seen.page
            await expect(page.locator(".memory")).to_have_count(len(PAYLOADS))
            await nothing_ran(page)
            for number in range(len(PAYLOADS)):
                await page.goto(f"{here.url}/#/memories/m{number}")
                heading = page.locator(".detail h2")
                await expect(heading).to_have_text(PAYLOADS[number], use_inner_text=False)
                await nothing_ran(page)


async def test_what_was_said_in_a_conversation_and_its_title_are_text():
    async with served() as here:
        await remember(here)
        async with watched(here.url) as seen:
            page = seen.page
            links = page.locator(".chats a")
            await expect(links).to_have_count(len(PAYLOADS))
            for number in range(len(PAYLOADS)):
                await links.nth(number).click()
                await expect(page.locator(".said")).to_have_count(2)
                await nothing_ran(page)


async def test_the_names_of_bases_and_files_and_what_was_read_of_them_are_text():
    async with served() as here, watched(f"{here.url}/#/knowledge") as seen:
        page = seen.page
        for text in PAYLOADS:
            await page.get_by_label("Name").fill(text)
            await page.get_by_role("button", name="Create").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text(" ".join(text.split()))
            await nothing_ran(page)
            await page.get_by_role("link", name="All bases").click()
            await expect(page.get_by_role("button", name="Create")).to_be_visible()
        await page.get_by_role("listitem").get_by_role("link").first.click()
        files = [
            FilePayload(name=f"{text[:150]}.txt", mimeType="text/plain", buffer=text.encode())
            for text in PAYLOADS
            if "/" not in text
        ]
        await page.get_by_label("Drop files here").set_input_files(files)
        rows = page.get_by_role("list", name="Files").get_by_role("listitem")
        await expect(rows.filter(has_text="pieces")).to_have_count(len(files), timeout=30_000)
        for number in range(len(files)):
            await rows.nth(number).get_by_role("button").first.click()
            await expect(page.get_by_role("heading", name="Read out of")).to_be_visible()
            await nothing_ran(page)


async def test_an_answer_as_it_streams_is_text():
    pieces = iter(PAYLOADS)

    async def script(exchange):
        if exchange.request.path.endswith("/models"):
            await exchange.json({"object": "list", "data": [{"id": "m"}]})
            return
        whole = next(pieces)
        half = len(whole) // 2
        await exchange.stream(delta(whole[:half]), delta(whole[half:], "stop"), DONE)

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url) as here, watched(here.url) as seen:
            page = seen.page
            for number in range(len(PAYLOADS)):
                await page.get_by_label("Your message").fill("Go on.")
                await page.keyboard.press("Enter")
                learned = page.locator(".learned[aria-busy=false]")
                await expect(learned).to_have_count(number + 1)
                await nothing_ran(page)


async def test_the_policy_lets_no_string_become_script_whatever_the_page_does():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        assert "'unsafe-inline'" not in POLICY
        assert "'unsafe-eval'" not in POLICY
        said = await page.evaluate(
            """() => {
                const refused = (act) => { try { act(); } catch (error) { return error.name; } };
                return [
                    refused(() => { document.body.innerHTML = '<b>x</b>'; }),
                    refused(() => { document.createElement('script').text = 'x'; }),
                ];
            }"""
        )
        assert said == ["TypeError", "TypeError"]
        seen.wrong.clear()  # the browser tells of each that it refused
