"""Which lists of memories an answer has: by views, or by the switches of the older contract."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from pydantic import Field

from gateway.http.memos.subjects import OneSubject
from gateway.memory.model import Kind

View: TypeAlias = Literal[
    "detail_factual", "preference", "skill", "profile", "event", "tool_memory"
]


VIEWS: Mapping[Kind, View] = {
    Kind.EPISODE: "detail_factual",
    Kind.FACT: "detail_factual",
    Kind.DOCUMENT: "detail_factual",
    Kind.PREFERENCE: "preference",
    Kind.TOOL: "tool_memory",
}


class Views(OneSubject):
    """A request that chooses among views; a list that is not chosen is empty."""

    include_memory_view: list[View] | None = Field(
        None,
        description="Which lists to fill; by default all. Where it is given, the switches below do"
        " not count.",
    )
    include_preference: bool = Field(True, description="Whether to fill preference_detail_list.")
    include_tool_memory: bool = Field(True, description="Whether to fill tool_memory_detail_list.")

    def includes(self, view: View) -> bool:
        """Whether this list is to be filled."""
        if self.include_memory_view is not None:
            return view in self.include_memory_view
        switches = {"preference": self.include_preference, "tool_memory": self.include_tool_memory}
        return switches.get(view, True)
