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
    f"{_MEMOS}/extract/memory": {
        "What a conversation states": {
            "messages": [{"role": "user", "content": "I live in Lisbon and love green tea."}],
            "extraction_types": ["memory", "preference"],
        },
    },
    f"{_MEMOS}/rerank": {
        "The better of two": {
            "query": "Where does Ann live?",
            "documents": ["Ann has a dog.", "Ann lives in Lisbon."],
            "top_n": 1,
        },
    },
    f"{_MEMOS}/add/profile_template": {
        "Two fields, one of them locked": {
            "name": "Customers",
            "metadata": {
                "Basic Info": {
                    "Name": {"value": "", "algorithm_updatable": False},
                    "Occupation": {"value": "", "algorithm_updatable": True},
                }
            },
        },
    },
    f"{_MEMOS}/bind/profile_template": {
        "A user's profile": {"bind_list": [{"user_id": "ann", "profile_template_id": "tpl_1"}]},
    },
    f"{_MEMOS}/edit/profile": {
        "One value set, one field taken out": {
            "user_id": "ann",
            "profile_template_id": "tpl_1",
            "metadata": {"Basic Info": {"Occupation": {"value": "baker"}}},
            "remove_fields": ["Basic Info.Name"],
        },
    },
}
