"""A person opens the page, talks, sees what is remembered, and steers it."""

import asyncio
import json

import pytest
from playwright.async_api import expect

from gateway.memory.model import Scope
from tests.browser import needs_a_browser, watched
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process, needs_a_browser]


async def say(page, text):
    """Say something, and wait until it is answered and what it teaches is learned."""
    answered = await page.locator(".said:not(.mine)").count()
    await page.get_by_label("Your message").fill(text)
    await page.keyboard.press("Enter")
    await expect(page.locator(".said:not(.mine)")).to_have_count(answered + 1)
    learned = page.locator(".said:not(.mine)").last.locator(".learned")
    await expect(learned).to_have_attribute("aria-busy", "false")


async def anew(page):
    """Begin a new conversation."""
    await page.get_by_role("link", name="New conversation").click()
    await expect(page.get_by_role("heading", name="Tell it something")).to_be_visible()


def view(page, name):
    views = page.get_by_role("navigation", name="Views")
    return views.get_by_role("link", name=name, exact=True).click()


async def open_memory(page, text):
    await view(page, "Memories")
    await page.get_by_label("Kind").select_option("fact")
    await page.get_by_role("button", name=text).first.click()
    detail = page.get_by_role("region", name="One memory")
    await expect(detail).to_be_visible()
    return detail


async def test_a_first_conversation_is_remembered_in_the_next():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await expect(page.get_by_text("No model is connected yet")).to_be_visible()
        await expect(page.get_by_text("GATEWAY_UPSTREAM_API_KEY")).to_be_visible()
        await say(page, "I live in Lisbon.")
        await expect(page.get_by_role("link", name="Learned: I live in Lisbon")).to_be_visible()
        await anew(page)
        await say(page, "Where do I live?")
        answer = page.locator(".said:not(.mine)").last
        await expect(answer.locator(".body")).to_contain_text("Lisbon")
        await page.reload()
        await expect(page.locator(".said.mine .body")).to_have_text("Where do I live?")
        await expect(page.locator(".said:not(.mine) .body")).to_contain_text("Lisbon")


async def test_a_conversation_is_kept_over_a_reload_and_among_the_others():
    async with scripted_upstream() as upstream:
        async with served(upstream.url) as here, watched(here.url) as seen:
            page = seen.page
            await say(page, "I live in Lisbon.")
            await anew(page)
            await say(page, "Good morning.")
            await page.reload()
            await expect(page.locator(".said.mine .body")).to_have_text("Good morning.")
            await expect(page.locator(".said:not(.mine) .body")).to_have_text("Hello.")
            await page.get_by_role("link", name="I live in Lisbon.", exact=True).click()
            await expect(page.locator(".said.mine .body")).to_have_text("I live in Lisbon.")
            await page.get_by_role("button", name="Delete Good morning.").click()
            await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
            await expect(page.get_by_role("link", name="Good morning.")).to_have_count(0)


async def test_what_was_recalled_is_shown_with_its_score_and_its_source():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await say(page, "I live in Lisbon.")
        await anew(page)
        await say(page, "Where do I live?")
        beside = page.locator(".beside").last
        await expect(beside.locator("summary")).to_contain_text("recalled · recall")
        await expect(beside.locator("summary")).to_contain_text("first word after")
        await beside.locator("summary").click()
        await expect(beside.get_by_text("relevance").first).to_be_visible()
        await expect(beside.locator(".kind").first).to_have_text("episode")
        await beside.get_by_role("link", name="where it was said").first.click()
        await expect(page.locator(".said.pointed .body")).to_have_text("I live in Lisbon.")
        await expect(page.locator(".said.pointed")).to_be_focused()


async def test_a_memory_is_searched_edited_undone_and_deleted_for_good():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await say(page, "I live in Lisbon.")
        await say(page, "My dog is called Rex.")
        await view(page, "Memories")
        await page.get_by_label("Kind").select_option("fact")
        await expect(page.locator(".memory")).to_have_count(2)
        await page.get_by_label("Search").fill("Lisbon")
        await expect(page.locator(".memory").first).to_contain_text("Lisbon")
        await page.get_by_label("Search").fill("")
        await page.get_by_label("Source").select_option("written")
        await expect(page.locator(".memory")).to_have_count(0)
        await page.get_by_label("Source").select_option("user")
        await expect(page.locator(".memory")).to_have_count(2)
        detail = await open_memory(page, "I live in Lisbon")
        await detail.get_by_label("What is remembered").fill("I live in Porto")
        await detail.get_by_role("button", name="Save").click()
        await expect(detail.get_by_role("heading", name="Before it was changed")).to_be_visible()
        await expect(page.locator(".memory").filter(has_text="Porto")).to_have_count(1)
        await detail.get_by_role("button", name="Undo the last change").click()
        await expect(page.locator(".memory").filter(has_text="I live in Lisbon")).not_to_have_count(
            0
        )
        await detail.get_by_role("button", name="Delete").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(detail).to_be_hidden()
        await view(page, "Talk")
        await anew(page)
        await say(page, "Where do I live?")
        await expect(page.locator(".said:not(.mine) .body").last).not_to_contain_text("Lisbon")


async def test_what_followed_what_is_shown_side_by_side():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await say(page, "I live in Lisbon.")
        await say(page, "I live in Porto now.")
        detail = await open_memory(page, "I live in Porto")
        cards = detail.locator(".side-by-side > li")
        await expect(cards).to_have_count(2)
        await expect(cards.first).to_contain_text("Lisbon")


async def test_everything_is_exported_and_forgotten_with_a_receipt():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await say(page, "I live in Lisbon.")
        await view(page, "Me")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Export everything").click()
        path = await (await download.value).path()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert {line["object"] for line in lines} == {"turn", "memory"}
        await page.get_by_role("button", name="Forget everything").click()
        await page.get_by_role("dialog").get_by_role("button", name="Forget everything").click()
        await expect(page.get_by_role("heading", name="Forgotten")).to_be_visible()
        await expect(page.get_by_text("Receipt:")).to_be_visible()
        await view(page, "Memories")
        await expect(page.get_by_text("0 memories")).to_be_visible()


async def test_a_file_is_added_looked_into_asked_and_deleted(tmp_path):
    asked = []

    async def script(exchange):
        if exchange.request.path.endswith("/models"):
            await exchange.json({"object": "list", "data": [{"id": "m"}]})
            return
        asked.append(exchange.request.json["messages"][-1]["content"])
        await exchange.stream(delta("Read.", "stop"), DONE)

    file = tmp_path / "house rules.md"
    file.write_text("# Bins\n\nThe bins are collected on Tuesday mornings.\n")
    async with scripted_upstream(script) as upstream:
        async with served(upstream.url) as here, watched(here.url) as seen:
            page = seen.page
            await view(page, "Knowledge")
            await page.get_by_label("Name").fill("The house")
            await page.get_by_role("button", name="Create").click()
            await expect(page.get_by_role("heading", name="The house")).to_be_visible()
            await page.get_by_label("Drop files here").set_input_files(file)
            await expect(page.get_by_text("1 pieces")).to_be_visible()
            await page.get_by_role("button", name="house rules.md", exact=True).click()
            read = page.get_by_role("region", name="What was read")
            await expect(read.get_by_text("Tuesday mornings")).to_be_visible()
            await view(page, "Talk")
            await expect(page.get_by_label("ask the knowledge too")).to_be_checked()
            await say(page, "When are the bins collected?")
            await view(page, "Knowledge")
            await page.get_by_role("link", name="The house").click()
            await page.get_by_role("button", name="Delete house rules.md").click()
            await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
            await expect(page.get_by_role("button", name="house rules.md")).to_have_count(0)
    assert "Tuesday mornings" in asked[0]


async def test_how_things_stand_is_shown_as_it_changes():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await say(page, "I live in Lisbon.")
        await view(page, "Status")
        await expect(page.locator(".parts li")).to_have_text("store ok")
        counts = page.locator(".counts")
        await expect(counts).to_contain_text("Memories of this user")
        await expect(counts.locator("dd").nth(4)).to_have_text("2")
        await here.gateway.store.erase(Scope("default", "default"))
        await expect(counts.locator("dd").nth(4)).to_have_text("0")


async def test_another_user_sees_nothing_of_it():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await say(page, "I live in Lisbon.")
        await page.get_by_label("User").fill("bob")
        await page.get_by_label("User").press("Enter")
        await expect(page.get_by_role("heading", name="Tell it something")).to_be_visible()
        await view(page, "Memories")
        await expect(page.get_by_text("0 memories")).to_be_visible()


async def test_a_key_is_asked_for_where_one_is_needed_and_kept_in_the_tab_alone():
    async with served(api_keys="acme:the-key-of-acme") as here, watched(here.url) as seen:
        page = seen.page
        await page.get_by_label("Key").fill("not-the-key")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_text("does not know the key")).to_be_visible()
        await page.get_by_label("Key").fill("the-key-of-acme")
        await page.get_by_role("button", name="Sign in").click()
        await say(page, "I live in Lisbon.")
        await page.reload()
        await expect(page.locator(".said.mine")).to_have_count(1)
        stored = await page.evaluate("[JSON.stringify(localStorage), document.cookie].join()")
        assert "the-key-of-acme" not in stored
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        # The browser's own line for each answer of 401 is what a wrong key deserves.
        seen.wrong[:] = [line for line in seen.wrong if "401" not in line]


async def test_an_answer_streams_is_stopped_and_made_again():
    left = asyncio.Event()
    asked = []

    async def script(exchange):
        if exchange.request.path.endswith("/models"):
            await exchange.json({"object": "list", "data": [{"id": "m1"}, {"id": "m2"}]})
            return
        asked.append(exchange.request.json["model"])
        if len(asked) > 1:
            await exchange.stream(delta("It is **done**.", "stop"), DONE)
            return
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("It is "))
        await exchange.closed.wait()
        left.set()

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url) as here, watched(here.url) as seen:
            page = seen.page
            await page.get_by_label("Model").select_option("m2")
            await page.get_by_label("Your message").fill("Are you there?")
            await page.keyboard.press("Enter")
            answer = page.locator(".said:not(.mine)")
            await expect(answer.locator(".body")).to_have_text("It is")
            await page.get_by_role("button", name="Stop").click()
            async with asyncio.timeout(5):
                await left.wait()
            await expect(page.get_by_text("Stopped.")).to_be_visible()
            await answer.get_by_role("button", name="Retry").click()
            await expect(answer.locator("strong")).to_have_text("done")
            await expect(page.locator(".said")).to_have_count(2)
    assert asked == ["m2", "m2"]


async def test_what_was_said_is_edited_and_answered_anew():
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await say(page, "I live in Rome.")
        await page.get_by_role("button", name="Edit").click()
        await expect(page.get_by_label("Your message")).to_have_value("I live in Rome.")
        await expect(page.locator(".said")).to_have_count(0)
        await say(page, "I live in Lisbon.")
        await expect(page.locator(".said.mine")).to_contain_text("Lisbon")


async def test_a_gateway_that_fails_is_told_kindly_and_talked_to_on():
    asked = []

    async def script(exchange):
        if exchange.request.path.endswith("/models"):
            await exchange.json({"object": "list", "data": [{"id": "m"}]})
            return
        asked.append(exchange.request.json["messages"])
        if len(asked) == 1:
            await exchange.json({"error": {"message": "out of order"}}, 500)
        else:
            await exchange.stream(delta("Here again.", "stop"), DONE)

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url) as here, watched(here.url) as seen:
            page = seen.page
            await page.get_by_label("Your message").fill("Hello?")
            await page.keyboard.press("Enter")
            await expect(page.locator(".said .wrong")).to_have_text("out of order")
            seen.wrong[:] = [line for line in seen.wrong if "500" not in line]
            await expect(page.get_by_text("Recalling")).to_have_count(0)
            await say(page, "Still there?")
            await expect(page.locator(".said .body").last).to_have_text("Here again.")
    assert [message["role"] for message in asked[1]] == ["user", "user"]


async def test_who_cannot_be_shown_what_was_said_can_still_talk():
    async with served() as here, watched(here.url) as seen:
        page = seen.page

        async def refused(route):
            await route.fulfill(status=503, json={"error": {"message": "the store is away"}})

        await page.route("**/v1/chats?*", refused)
        await page.reload()
        await expect(page.locator("#notice")).to_have_text("the store is away")
        await page.get_by_label("Your message").fill("Hello?")
        await page.keyboard.press("Enter")
        await expect(page.locator(".said:not(.mine) .body")).to_contain_text("No language model")
        seen.wrong[:] = [line for line in seen.wrong if "503" not in line]


async def test_a_file_that_is_refused_is_told_until_it_is_dismissed(tmp_path):
    bad, good = tmp_path / "tune.mp3", tmp_path / "rules.md"
    bad.write_bytes(b"ID3")
    good.write_text("The bins are collected on Tuesdays.")
    async with served() as here, watched(here.url) as seen:
        page = seen.page
        await view(page, "Knowledge")
        await page.get_by_label("Name").fill("The house")
        await page.get_by_role("button", name="Create").click()
        await page.get_by_label("Drop files here").set_input_files([bad, good])
        await expect(page.get_by_text("1 pieces")).to_be_visible()
        told = page.get_by_role("list", name="Sending").get_by_role("listitem")
        await expect(told.get_by_role("alert")).to_contain_text("files are PDF")
        await told.get_by_role("button", name="Dismiss tune.mp3").click()
        await expect(told).to_have_count(0)
        seen.wrong[:] = [line for line in seen.wrong if "400" not in line]
