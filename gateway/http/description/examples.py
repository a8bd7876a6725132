"""Examples of what is asked, by the path of the operation: each has a name and a body."""

from collections.abc import Mapping
from typing import Any

_MEMOS = "/api/openmem/v1"
_SAID = {
    "role": "user",
    "content": "I moved to Lisbon last spring. I prefer short answers.",
    "chat_time": "2026-06-10 09:00:00",
}
_FILTER = {"and": [{"tags": {"contains": "home"}}, {"create_time": {"gte": "2026-01-01"}}]}
_BASE = "b5f0c7e2d4a94f1e8c3b6a7d9e0f1a2b"
_TREE = {"Basics": {"Job": {"value": "baker", "algorithm_updatable": True}}}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    f"{_MEMOS}/chat": {
        "A question": {"user_id": "ann", "conversation_id": "0928", "query": "Where do I live?"},
        "A stream that keeps nothing": {
            "user_id": "ann",
            "conversation_id": "0928",
            "query": "Where do I live?",
            "stream": True,
            "add_message_on_answer": False,
        },
    },
    f"{_MEMOS}/add/message": {
        "A conversation that was had elsewhere": {
            "user_id": "ann",
            "conversation_id": "0610",
            "messages": [_SAID, {"role": "assistant", "content": "Noted."}],
            "tags": ["home"],
            "async_mode": False,
        },
    },
    f"{_MEMOS}/get/message": {
        "The last two": {"user_id": "ann", "conversation_id": "0610", "message_limit_number": 2},
    },
    f"{_MEMOS}/get/status": {"A task": {"task_id": "3f2b8c1e-7a54-5d09-9e61-0b4c2d7f8a13"}},
    f"{_MEMOS}/search/memory": {
        "What bears on a question": {"user_id": "ann", "query": "Where do I live?"},
        "Within a filter": {"user_id": "ann", "query": "Where do I live?", "filter": _FILTER},
    },
    f"{_MEMOS}/get/memory": {"The second page": {"user_id": "ann", "page": 2, "size": 20}},
    f"{_MEMOS}/update/memory": {
        "What it says": {
            "memory_id": "9d6f1c3a-5b27-5e48-8f90-a1b2c3d4e5f6",
            "content": "I live in Porto.",
        },
    },
    f"{_MEMOS}/delete/memory": {
        "One": {"memory_ids": ["9d6f1c3a-5b27-5e48-8f90-a1b2c3d4e5f6"]},
        "All of a user": {"user_id": "ann"},
    },
    f"{_MEMOS}/add/feedback": {
        "A correction": {
            "user_id": "ann",
            "conversation_id": "0610",
            "feedback_content": "That is not so any more: I live in Porto now.",
        },
    },
    f"{_MEMOS}/extract/memory": {"A message": {"messages": [_SAID]}},
    f"{_MEMOS}/rerank": {
        "The best of two": {
            "query": "Where is Lisbon?",
            "documents": ["Bread is baked at night.", "Lisbon is in Portugal."],
            "top_n": 1,
        },
    },
    f"{_MEMOS}/create/knowledgebase": {"A handbook": {"knowledgebase_name": "Handbook"}},
    f"{_MEMOS}/delete/knowledgebase": {"By its id": {"knowledgebase_id": _BASE}},
    f"{_MEMOS}/add/knowledgebase-file": {
        "A text": {
            "knowledgebase_id": _BASE,
            "file": [{"name": "dinner.txt", "content": "Dinner is served at seven."}],
        },
    },
    f"{_MEMOS}/get/knowledgebase-file": {"All of a base": {"knowledgebase_id": _BASE}},
    f"{_MEMOS}/delete/knowledgebase-file": {
        "One": {"file_ids": ["0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f"]},
    },
    f"{_MEMOS}/add/profile_template": {"Of a person": {"name": "Person", "metadata": _TREE}},
    f"{_MEMOS}/bind/profile_template": {
        "To a user": {"bind_list": [{"user_id": "ann", "profile_template_id": "person"}]},
    },
    f"{_MEMOS}/edit/profile": {
        "A field": {"user_id": "ann", "profile_template_id": "person", "metadata": _TREE},
    },
    "/v1/knowledge-bases": {
        "A handbook": {"name": "Handbook", "description": "What everybody here may know."},
    },
    "/v1/knowledge-bases/{knowledgebase_id}/files": {
        "A text, and a file in base64": {
            "files": [
                {"name": "leave.md", "content": "# Leave\n\nAnnual leave is 30 days."},
                {"name": "travel.txt", "content": "V2UgdGFrZSB0cmFpbnMgYmVmb3JlIHBsYW5lcy4="},
            ],
        },
    },
    f"{_MEMOS}/delete/profile": {
        "Of a user": {"user_id": "ann", "profile_template_id": "person"},
    },
    f"{_MEMOS}/get/profile_template": {"By its id": {"profile_template_id": "person"}},
    f"{_MEMOS}/list/profile_template": {"The first page": {"page": 1, "size": 20}},
    f"{_MEMOS}/update/profile_template": {
        "Its name": {"profile_template_id": "person", "name": "Customer"},
    },
    f"{_MEMOS}/delete/profile_template": {"By its id": {"profile_template_id": "person"}},
    "/v1/memories": {"A fact": {"user": "ann", "content": "I live in Lisbon.", "tags": ["home"]}},
    "/v1/memories/search": {
        "What bears on a question": {"user": "ann", "query": "Where do I live?", "filter": _FILTER},
    },
    "/v1/memories/{memory_id}": {
        "What it says": {"user": "ann", "content": "I live in Porto."},
        "Out of recall": {"user": "ann", "status": "archived"},
    },
    "/v1/memories/{memory_id}/undo": {"Its last change": {"user": "ann"}},
    "/v1/admin/keys": {
        "One that only reads": {
            "project": "shop",
            "name": "the dashboard",
            "scopes": ["memory:read"],
            "expires_in_days": 90,
        },
    },
    "/v1/admin/keys/{id}/rotate": {"With a day to change it": {"grace_hours": 24}},
}
