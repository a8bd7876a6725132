"""Every endpoint of the table, in the order in which it is documented."""

from tests.fields import changing, correcting, extracting, knowledge, profiles, telling
from tests.fields.adding import ADD
from tests.fields.chatting import CHAT
from tests.fields.listing import LIST
from tests.fields.searching import SEARCH
from tests.fields.table import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    CHAT,
    ADD,
    telling.MESSAGES,
    telling.STATUS,
    SEARCH,
    LIST,
    changing.ONE,
    changing.UPDATE,
    changing.DELETE,
    correcting.FEEDBACK,
    extracting.EXTRACT,
    extracting.RERANK,
    knowledge.CREATE,
    knowledge.UNLINK,
    knowledge.ADD_FILES,
    knowledge.GET_FILES,
    knowledge.DELETE_FILES,
    profiles.BIND,
    profiles.EDIT,
    profiles.UNBIND,
    profiles.MAKE,
    profiles.SHOW,
    profiles.TEMPLATES,
    profiles.CHANGE,
    profiles.REMOVE,
)
