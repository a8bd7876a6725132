"""Whose memory a request of the MemOS Cloud API is about: users, or agents with their own."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body, Id
from gateway.memory.model import Holder, Scope

MOST_SUBJECTS = 20  # of a group chat
_NOBODY = "user_id or agent_id is required"
_ID_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 100}


def _listed(value: Any) -> Any:  # noqa: ANN401  whatever was sent
    return [value] if isinstance(value, str) else value


Ids = Annotated[
    list[Id],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=MOST_SUBJECTS),
    WithJsonSchema(
        {
            "anyOf": [
                _ID_SCHEMA,
                {"type": "array", "items": _ID_SCHEMA, "minItems": 1, "maxItems": MOST_SUBJECTS},
            ]
        }
    ),
]


class OneSubject(Body):
    """What names exactly one user or agent."""

    user_id: Id | None = Field(None, description="Whose memory; this, or agent_id.")
    agent_id: Id | None = Field(None, description="Which agent's own memory; this, or user_id.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.user_id is not None and self.agent_id is not None:
            raise Code.INVALID.problem("user_id and agent_id exclude each other")
        if self.user_id is None and self.agent_id is None:
            raise Code.EMPTY.problem(_NOBODY)
        return self

    def scope(self, project: str) -> Scope:
        """Whose memory it is."""
        if self.user_id is not None:
            return Scope(project, self.user_id)
        return Scope(project, self.agent_id or "", Holder.AGENT)


class Subjects(Body):
    """What names one user or agent or several, as in a group chat."""

    user_id: Ids | None = Field(
        None, description="Who takes part: whose memory it becomes. Up to 20 users."
    )
    agent_id: Ids | None = Field(
        None,
        description="The agent: a label of what is learned or, without a user_id, whose own memory"
        " it becomes. Up to 20 agents.",
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.user_id and not self.agent_id:
            raise Code.EMPTY.problem(_NOBODY)
        return self

    @property
    def agents(self) -> list[str]:
        """The agents, each once."""
        return list(dict.fromkeys(self.agent_id or ()))

    @property
    def related(self) -> tuple[str, ...]:
        """All who take part, where there are several."""
        everybody = tuple(dict.fromkeys((*(self.user_id or ()), *self.agents)))
        return everybody if len(everybody) > 1 else ()

    def scopes(self, project: str) -> list[Scope]:
        """Whose memory it becomes: each user's, or each agent's where there is no user."""
        if self.user_id:
            return [Scope(project, each) for each in dict.fromkeys(self.user_id)]
        return [Scope(project, each, Holder.AGENT) for each in self.agents]
