"""The profile endpoints, field by field."""

from tests.fields.adding import LONG
from tests.fields.table import Bad, Endpoint

TREE = {"Basics": {"Job": {"value": "baker"}}}
NOBODY = {"profile_template_id": "none"}
BIND = Endpoint("bind/profile_template", {"bind_list": [{"user_id": "ann", **NOBODY}]})
EDIT = Endpoint("edit/profile", {"user_id": "ann", "metadata": TREE, **NOBODY})
UNBIND = Endpoint("delete/profile", {"user_id": "ann", **NOBODY})
MAKE = Endpoint("add/profile_template", {"name": "Person", "metadata": TREE})
SHOW = Endpoint("get/profile_template", dict(NOBODY))
TEMPLATES = Endpoint("list/profile_template", {})
CHANGE = Endpoint("update/profile_template", {"name": "Baker", **NOBODY})
REMOVE = Endpoint("delete/profile_template", dict(NOBODY))
WHO = "exactly one of user_id and agent_id"
NO_PROFILE = Bad(
    "none", 40001, "profile_template_id: no such template is bound to this user or agent"
)
NO_TEMPLATE = Bad("none", 40001, "profile_template_id: there is no such template")


async def template(it, **more):
    """A new template, by its id."""
    made = await it.call("add/profile_template", MAKE.asks | more)
    return made["profile_template_id"]


async def bound(it, **whose):
    """A template by which somebody has a profile."""
    made = await template(it)
    await it.call("bind/profile_template", {"bind_list": [whose | {"profile_template_id": made}]})
    return made


async def profiles(it, **whose):
    """The values of somebody's profiles."""
    listed = await it.call("get/memory", whose)
    return [each["properties"] for each in listed["profile_detail_list"]]


@BIND.field(
    "bind_list",
    [{"user_id": "ann", "profile_template_id": "a template's id"}],
    (None, 40002),
    ([], 40003),
    ([{"user_id": "ann", **NOBODY}] * 21, 40000),
)
async def bind_list(it, good):
    """Each of these gets a profile by a template."""
    assert good
    await bound(it, user_id="ann")
    [profile] = await profiles(it, user_id="ann")
    assert profile["Basics"]["Job"]["value"] == "baker"


@BIND.field("bind_list[].user_id", "bob", (LONG, 40010), (None, 40002))
async def bound_user(it, good):
    """A user whose profile it is."""
    await bound(it, user_id=good)
    assert await profiles(it, user_id=good)
    assert not await profiles(it, user_id="ann")


@BIND.field("bind_list[].agent_id", "helper", (LONG, 40000), ("both", 40000))
async def bound_agent(it, good):
    """Or an agent whose profile it is."""
    await bound(it, agent_id=good)
    assert await profiles(it, agent_id=good)


@BIND.field(
    "bind_list[].profile_template_id",
    "a template's id",
    NO_TEMPLATE,
    (None, 40002),
    ("", 40002),
)
async def bound_template(it, good):
    """By which template."""
    assert good
    await bound(it, user_id="ann")
    assert await profiles(it, user_id="ann")


async def edited(it, whose, **more):
    made = await bound(it, **whose)
    await it.call("edit/profile", {**whose, "profile_template_id": made, **more})
    [profile] = await profiles(it, **whose)
    return profile


@EDIT.field("user_id", "bob", (LONG, 40010), Bad("bob", 40000, WHO, {"agent_id": "helper"}))
async def edited_user(it, good):
    """Whose profile is changed."""
    job = {"Basics": {"Job": {"value": "cook"}}}
    profile = await edited(it, {"user_id": good}, metadata=job)
    assert profile["Basics"]["Job"]["value"] == "cook"


@EDIT.field("agent_id", "helper", (LONG, 40000), Bad("helper", 40000, WHO))
async def edited_agent(it, good):
    """Or an agent's."""
    job = {"Basics": {"Job": {"value": "cook"}}}
    profile = await edited(it, {"agent_id": good}, metadata=job)
    assert profile["Basics"]["Job"]["value"] == "cook"


@EDIT.field("profile_template_id", "a template's id", NO_PROFILE, (None, 40002), ("", 40002))
async def edited_template(it, good):
    """Of which template."""
    assert good
    assert await edited(it, {"user_id": "ann"}, metadata=TREE)


@EDIT.field("metadata", {"Basics": {"Town": {"value": "Faro"}}}, ([], 40000), ({}, 40002))
async def metadata(it, good):
    """Fields that are set or added."""
    profile = await edited(it, {"user_id": "ann"}, metadata=good)
    assert profile["Basics"]["Town"]["value"] == "Faro"
    assert profile["Basics"]["Job"]["value"] == "baker"


@EDIT.field("remove_fields", ["Basics.Job"], ("Basics.Job", 40000), (["x"] * 1001, 40000))
async def remove_fields(it, good):
    """Fields that are taken out."""
    profile = await edited(it, {"user_id": "ann"}, remove_fields=good)
    assert "Job" not in profile.get("Basics", {})


async def unbound(it, **whose):
    made = await bound(it, **whose)
    await it.call("delete/profile", {**whose, "profile_template_id": made})
    return await profiles(it, **whose)


@UNBIND.field("user_id", "bob", (LONG, 40010), (None, 40002))
async def unbound_user(it, good):
    """Whose profile goes."""
    assert await unbound(it, user_id=good) == []


@UNBIND.field("agent_id", "helper", (LONG, 40000), ("helper", 40000))
async def unbound_agent(it, good):
    """Or an agent's."""
    assert await unbound(it, agent_id=good) == []


@UNBIND.field("profile_template_id", "a template's id", NO_PROFILE, (None, 40002), ("", 40002))
async def unbound_template(it, good):
    """Of which template."""
    assert good
    assert await unbound(it, user_id="ann") == []


async def shown(it, made):
    return (await it.call("get/profile_template", {"profile_template_id": made}))[
        "profile_template"
    ]


@MAKE.field("name", "Customer", (None, 40002), ("", 40002), ([], 40000))
async def name(it, good):
    """What the template is called."""
    assert (await shown(it, await template(it, name=good)))["name"] == good


@MAKE.field("metadata", TREE, (None, 40002), ({}, 40003), ("x", 40000))
async def made_metadata(it, good):
    """Its fields and their values."""
    tree = (await shown(it, await template(it, metadata=good)))["metadata"]
    assert tree["Basics"]["Job"]["value"] == "baker"


@SHOW.field("profile_template_id", "a template's id", NO_TEMPLATE, (None, 40002), ("", 40002))
async def shown_template(it, good):
    """Which template is shown."""
    assert good
    assert (await shown(it, await template(it)))["name"] == "Person"


@TEMPLATES.field("page", 2, (0, 40000), ("next", 40000))
async def page(it, good):
    """Which page, from 1."""
    made = [await template(it) for _ in range(3)]
    listed = await it.call("list/profile_template", {"page": good, "size": 2})
    assert [each["profile_template_id"] for each in listed["profile_templates"]] == made[:1]
    assert listed["current"] == good


@TEMPLATES.field("size", 2, (0, 40000), (101, 40000))
async def size(it, good):
    """So many on a page."""
    for _ in range(3):
        await template(it)
    listed = await it.call("list/profile_template", {"size": good})
    assert (len(listed["profile_templates"]), listed["total"], listed["pages"]) == (good, 3, 2)


@CHANGE.field("profile_template_id", "a template's id", NO_TEMPLATE, (None, 40002), ("", 40002))
async def changed_template(it, good):
    """Which template is changed."""
    assert good
    made = await template(it)
    await it.call("update/profile_template", {"profile_template_id": made, "name": "Baker"})
    assert (await shown(it, made))["name"] == "Baker"


@CHANGE.field("name", "Baker", ("", 40002), ([], 40000))
async def new_name(it, good):
    """Its new name."""
    made = await template(it)
    await it.call("update/profile_template", {"profile_template_id": made, "name": good})
    assert (await shown(it, made))["name"] == good


@CHANGE.field("metadata", {"Basics": {"Town": {"value": "Faro"}}}, ({}, 40003), ("x", 40000))
async def new_metadata(it, good):
    """Its fields anew, and so those of its profiles."""
    made = await bound(it, user_id="ann")
    await it.call("update/profile_template", {"profile_template_id": made, "metadata": good})
    [profile] = await profiles(it, user_id="ann")
    assert set(profile["Basics"]) == {"Town"}


@REMOVE.field("profile_template_id", "a template's id", NO_TEMPLATE, (None, 40002), ("", 40002))
async def removed_template(it, good):
    """Which template goes, with its profiles."""
    assert good
    made = await bound(it, user_id="ann")
    await it.call("delete/profile_template", {"profile_template_id": made})
    assert await profiles(it, user_id="ann") == []
