"""Lists that are answered page by page: which page is asked, and what is said around its items."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http.asking import Asked


class Paged(Asked):
    """What concerns one page of a list."""

    page: int = Field(1, ge=1, le=1_000_000, description="Which page; the first is 1.")
    limit: int = Field(20, ge=1, le=100, description="How many of them a page has.")

    @property
    def offset(self) -> int:
        """How many there are on the pages before."""
        return (self.page - 1) * self.limit


class Page(TypedDict):
    """A page, without the items: `data` is a list of these."""

    object: str
    total: int
    page: int
    limit: int
    has_more: bool


def page(items: Sequence[Any], total: int, asked: Paged) -> dict[str, Any]:
    """The page that was asked, of `total` items in all."""
    return {
        "object": "list",
        "data": items,
        "total": total,
        "page": asked.page,
        "limit": asked.limit,
        "has_more": asked.page * asked.limit < total,
    }
