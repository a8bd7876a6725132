"""Examples of what is asked, by the path of the operation: each has a name and a body."""

from collections.abc import Mapping
from typing import Any

_MEMOS = "/api/openmem/v1"

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    f"{_MEMOS}/add/message": {
        "A conversation that was had elsewhere": {
            "user_id": "ann",
            "conversation_id": "0610",
            "messages": [
                {
                    "role": "user",
                    "content": "I moved to Lisbon last spring.",
                    "chat_time": "2026-06-10 09:00:00",
                },
                {"role": "assistant", "content": "How do you like it there?"},
            ],
            "tags": ["home"],
            "async_mode": False,
        },
    },
    f"{_MEMOS}/search/memory": {
        "What bears on a question": {
            "user_id": "ann",
            "query": "Where do I live?",
            "relativity": 0,
        },
        "Within a filter": {
            "user_id": "ann",
            "query": "Where do I live?",
            "filter": {
                "and": [{"tags": {"contains": "home"}}, {"create_time": {"gte": "2026-01-01"}}]
            },
        },
    },
    f"{_MEMOS}/get/memory": {
        "The second page": {"user_id": "ann", "page": 2, "size": 20},
    },
}
