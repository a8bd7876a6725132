"""The profile endpoints: templates of a project, and the profiles of its users and agents."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body
from gateway.http.memos.subjects import OneSubject
from gateway.http.memos.times import iso
from gateway.http.operation import Data, Operation
from gateway.memory import profiles

MOST_BOUND = 20

TemplateId = Annotated[
    str,
    Field(min_length=1, max_length=100, description="The template's id, as adding it answered."),
]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=profiles.LONGEST_NAME)
]
_METADATA = (
    "Fields by name, up to three levels deep; each field is an object with `value`"
    " and `algorithm_updatable` (true unless it is said)."
)


class Binding(OneSubject):
    profile_template_id: TemplateId


class BindTemplate(Body):
    bind_list: list[Binding] = Field(
        min_length=1, max_length=MOST_BOUND, description="Who is to have a profile by what."
    )


class EditProfile(OneSubject):
    profile_template_id: TemplateId
    metadata: dict[str, JsonValue] = Field(
        default_factory=dict, description=f"What to set or add. {_METADATA}"
    )
    remove_fields: list[str] = Field(
        default_factory=list,
        max_length=profiles.MOST_FIELDS,
        description='What to take out, as "Category.Field".',
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.metadata and not self.remove_fields:
            raise Code.EMPTY.problem("metadata or remove_fields is needed")
        return self


class DeleteProfile(OneSubject):
    profile_template_id: TemplateId


class AddTemplate(Body):
    name: Name = Field(description="The template's name.")
    metadata: dict[str, JsonValue] = Field(min_length=1, description=_METADATA)


class UpdateTemplate(Body):
    profile_template_id: TemplateId
    name: Name | None = Field(None, description="Its new name.")
    metadata: dict[str, JsonValue] | None = Field(
        None,
        min_length=1,
        description=f"The whole template anew, for its profiles too. {_METADATA}",
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.name is None and self.metadata is None:
            raise Code.EMPTY.problem("name or metadata is needed")
        return self


class OneTemplate(Body):
    profile_template_id: TemplateId


class ListTemplates(Body):
    page: int = Field(1, ge=1, le=1_000_000, description="Which page, from 1 on.")
    size: int = Field(10, ge=1, le=100, description="Templates on a page.")


class Success(TypedDict):
    success: bool


class TemplateAdded(TypedDict):
    profile_template_id: str


class TemplateUpdated(TypedDict):
    success: bool
    profile_template_id: str
    updated_instances: int


class TemplateDeleted(TypedDict):
    success: bool
    profile_template_id: str
    deleted_instances: int


class TemplateSummary(TypedDict):
    profile_template_id: str
    name: str
    project_id: str
    instance_count: int
    create_time: str
    update_time: str


class TemplateDetail(TemplateSummary):
    metadata: dict[str, Any]


class FoundTemplate(TypedDict):
    profile_template: TemplateDetail


class TemplatePage(TypedDict):
    profile_templates: list[TemplateSummary]
    total: int
    current: int
    size: int
    pages: int


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except profiles.NoSuchProfileError as error:
        raise Code.NOT_FOUND.error(str(error)) from None
    except profiles.ProfileError as error:
        raise Code.INVALID.error(str(error), param="metadata") from None


async def bind_template(gateway: Gateway, project: str, body: BindTemplate) -> Data:
    """Give users or agents a profile by a template.

    All of them or, where a template is unknown, none. A profile that is there already stays as it
    is.
    """
    wanted = [(each.scope(project), each.profile_template_id) for each in body.bind_list]
    with _refusing():
        await profiles.bind(gateway.registry, wanted, now=gateway.clock())
    return {"success": True}


async def edit_profile(gateway: Gateway, project: str, body: EditProfile) -> Data:
    """Set, add and take out fields of one profile; the template stays as it is."""
    with _refusing():
        await profiles.edit(
            gateway.registry,
            body.scope(project),
            body.profile_template_id,
            tree=body.metadata,
            remove=body.remove_fields,
            now=gateway.clock(),
        )
    return {"success": True}


async def delete_profile(gateway: Gateway, project: str, body: DeleteProfile) -> Data:
    """Delete one profile with all its values; its template and others by it stay."""
    with _refusing():
        await profiles.delete(gateway.registry, body.scope(project), body.profile_template_id)
    return {"success": True}


async def add_template(gateway: Gateway, project: str, body: AddTemplate) -> Data:
    """Make a template of the project; each call makes a new one."""
    with _refusing():
        made = await profiles.add_template(
            gateway.registry, project, name=body.name, tree=body.metadata, now=gateway.clock()
        )
    return {"profile_template_id": made}


async def get_template(gateway: Gateway, project: str, body: OneTemplate) -> Data:
    """One template with its fields and the number of its profiles."""
    with _refusing():
        found = await profiles.template(gateway.registry, project, body.profile_template_id)
    return {"profile_template": {**_summary(found, project), "metadata": dict(found.tree)}}


async def list_templates(gateway: Gateway, project: str, body: ListTemplates) -> Data:
    """A page of the project's templates, latest made first."""
    found, total = await profiles.templates(
        gateway.registry, project, limit=body.size, offset=(body.page - 1) * body.size
    )
    return {
        "profile_templates": [_summary(each, project) for each in found],
        "total": total,
        "current": body.page,
        "size": body.size,
        "pages": -(-total // body.size),
    }


async def update_template(gateway: Gateway, project: str, body: UpdateTemplate) -> Data:
    """Rename a template, or lay its fields down anew.

    Its profiles follow: a field that it gains or changes is set, one that it loses goes with its
    value, and any other stays as the profile has it.
    """
    with _refusing():
        count = await profiles.update_template(
            gateway.registry,
            project,
            body.profile_template_id,
            name=body.name,
            tree=body.metadata,
            now=gateway.clock(),
        )
    return {
        "success": True,
        "profile_template_id": body.profile_template_id,
        "updated_instances": count,
    }


async def delete_template(gateway: Gateway, project: str, body: OneTemplate) -> Data:
    """Delete a template and every profile by it."""
    with _refusing():
        count = await profiles.delete_template(gateway.registry, project, body.profile_template_id)
    return {
        "success": True,
        "profile_template_id": body.profile_template_id,
        "deleted_instances": count,
    }


def _summary(found: profiles.Template, project: str) -> TemplateSummary:
    return TemplateSummary(
        profile_template_id=found.id,
        name=found.name,
        project_id=project,
        instance_count=found.instances,
        create_time=iso(found.created),
        update_time=iso(found.updated),
    )


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(path="bind/profile_template", asked=BindTemplate, answer=Success, work=bind_template),
    Operation(path="edit/profile", asked=EditProfile, answer=Success, work=edit_profile),
    Operation(path="delete/profile", asked=DeleteProfile, answer=Success, work=delete_profile),
    Operation(
        path="add/profile_template", asked=AddTemplate, answer=TemplateAdded, work=add_template
    ),
    Operation(
        path="get/profile_template", asked=OneTemplate, answer=FoundTemplate, work=get_template
    ),
    Operation(
        path="list/profile_template", asked=ListTemplates, answer=TemplatePage, work=list_templates
    ),
    Operation(
        path="update/profile_template",
        asked=UpdateTemplate,
        answer=TemplateUpdated,
        work=update_template,
    ),
    Operation(
        path="delete/profile_template",
        asked=OneTemplate,
        answer=TemplateDeleted,
        work=delete_template,
    ),
)
