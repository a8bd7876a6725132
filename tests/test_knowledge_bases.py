"""Knowledge bases: a project's own, found by its key alone, and gone when they are deleted."""

import pytest

from gateway.adapters.fake_registry import FakeRegistry
from gateway.errors import NoSuchKnowledgeBaseError
from gateway.memory import knowledge
from gateway.memory.model import knowledge_base

pytestmark = pytest.mark.anyio


async def made(registry, project, *names):
    return [
        await knowledge.create(registry, project, name=name, description="", now=1)
        for name in names
    ]


async def test_bases_are_resolved_to_the_scopes_that_are_searched_each_once():
    registry = FakeRegistry()
    one, two = await made(registry, "acme", "one", "two")
    scopes = await knowledge.resolve(registry, "acme", [two.id, one.id, two.id])
    assert scopes == (knowledge_base("acme", two.id), knowledge_base("acme", one.id))


@pytest.mark.parametrize("everything", ["all", ["all"], ["all", "unknown"]])
async def test_all_are_all_of_the_project_and_no_other(everything):
    registry = FakeRegistry()
    one, two = await made(registry, "acme", "one", "two")
    await made(registry, "globex", "theirs")
    scopes = await knowledge.resolve(registry, "acme", everything)
    assert set(scopes) == {knowledge_base("acme", base.id) for base in (one, two)}


async def test_no_ids_are_no_bases():
    registry = FakeRegistry()
    await made(registry, "acme", "one")
    assert await knowledge.resolve(registry, "acme", []) == ()


async def test_a_base_of_another_project_is_as_unknown_as_one_that_never_was():
    registry = FakeRegistry()
    [theirs] = await made(registry, "globex", "theirs")
    [ours] = await made(registry, "acme", "ours")
    for unknown in (theirs.id, "never", ""):
        with pytest.raises(NoSuchKnowledgeBaseError, match=f"^{unknown}$"):
            await knowledge.resolve(registry, "acme", [ours.id, unknown])
        with pytest.raises(NoSuchKnowledgeBaseError):
            await knowledge.find(registry, "acme", unknown)


async def test_a_project_has_so_many_bases_and_no_more():
    registry = FakeRegistry()
    await made(registry, "acme", *map(str, range(knowledge.MOST_BASES)))
    with pytest.raises(knowledge.TooManyBasesError):
        await made(registry, "acme", "one more")
    await made(registry, "globex", "theirs")
