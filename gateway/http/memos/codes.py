"""The codes of the MemOS Cloud API: what each means, and the HTTP status that goes with it."""

from enum import Enum
from typing import Any

import orjson
from pydantic_core import PydanticCustomError

from gateway.http.errors import NO_SUCH_BASE, SERVER_SIDE, ApiError

OK = 0
_PROBLEM = "memos_"  # how the types of a validator's own problems begin


class Code(Enum):
    """One code: its number, its HTTP status, and what it means.

    An endpoint raises `Code.MEMORY_NOT_FOUND.error()`; a validator of a request's model raises
    `Code.UNSUPPORTED_FILE.problem()`, to which the field's name is added.
    """

    INVALID = (40000, 400, "A parameter is malformed, out of range, or excludes another.")
    NOT_FOUND = (40001, 404, "There is no such thing.")
    EMPTY = (40002, 400, "A required field is missing or empty.")
    EMPTY_LIST = (40003, 400, "A list or an object is empty.")
    UNSUPPORTED_TYPE = (40006, 400, "The type is not supported.")
    UNSUPPORTED_FILE = (40007, 400, "Files of this type are not read.")
    BASE64_CHARACTERS = (40008, 400, "A character is none of base64's.")
    BASE64_FORMAT = (40009, 400, "The text is not base64.")
    USER_TOO_LONG = (40010, 400, "The user's id is longer than 100 characters.")
    CONVERSATION_TOO_LONG = (40011, 400, "The conversation's id is longer than 100 characters.")
    RELATIVITY = (40012, 400, "The relativity is not within 0 and 1.")
    KEY_MISSING = (40130, 401, "A key is required.")
    KEY_INVALID = (40132, 401, "The key is not valid, or no longer.")
    FORBIDDEN = (40306, 403, "The key does not permit this.")
    RATE_LIMIT = (40300, 429, "Too many requests; try again later.")
    RESPONSE_QUOTA = (40302, 429, "The quota of tokens that are answered is used up.")
    MODEL_LIMIT = (40303, 413, "The chat is longer than the model takes.")
    CALL_QUOTA = (40304, 429, "The quota of requests is used up.")
    INPUT_TOO_LONG = (40305, 413, "The input has too many tokens.")
    MEMORY_NOT_FOUND = (40307, 404, "There is no such memory.")
    USER_NOT_FOUND = (40308, 404, "There is nothing of such a user.")
    TOKEN_RATE_LIMIT = (40309, 429, "Too many tokens; try again later.")
    INTERNAL = (50000, 500, "The gateway failed on this request.")
    FAILED = (50002, 502, "The model's server did not answer, or not as it should.")
    MEMORY_UNAVAILABLE = (50004, 503, "The memory cannot be reached; try again later.")
    SEARCH_UNAVAILABLE = (50005, 503, "The search cannot be reached; try again later.")
    TOO_MANY_FILES = (50103, 400, "There are more files than a request may bring.")
    FILE_TOO_LARGE = (50104, 413, "A file is larger than one may be.")
    FILES_TOO_LARGE = (50105, 413, "The files are larger altogether than they may be.")
    BAD_FILE = (50107, 400, "The file cannot be read.")
    BASE_NOT_FOUND = (50120, 404, "There is no such knowledge base.")
    BASE_NOT_LINKED = (50123, 404, "The knowledge base is not the project's.")
    TASK_NOT_FOUND = (50131, 404, "There is no such task.")
    MESSAGE_NOT_ADDED = (50144, 503, "The messages could not be kept.")
    FEEDBACK_NOT_ADDED = (50145, 503, "The feedback could not be kept.")

    def __init__(self, number: int, status: int, meaning: str) -> None:
        self.number = number
        self.status = status
        self.meaning = meaning

    def error(self, message: str = "", *, param: str | None = None) -> ApiError:
        """What an endpoint raises; without a message it is the code's meaning."""
        return ApiError(self.status, message or self.meaning, param=param, code=str(self.number))

    def problem(self, message: str = "") -> PydanticCustomError:
        """What a validator raises; the message must hold nothing of what was sent."""
        text: Any = message or self.meaning  # typed as a literal, being a template elsewhere
        return PydanticCustomError(f"{_PROBLEM}{self.number}", text)


BY_NUMBER = {code.number: code for code in Code}

# Errors of the layers around the endpoints speak OpenAI's language: its name of an error, or else
# the status, says which code it is.
_NAMED = {
    "missing_api_key": Code.KEY_MISSING,
    "invalid_api_key": Code.KEY_INVALID,
    "insufficient_quota": Code.CALL_QUOTA,
    "token_limit_exceeded": Code.TOKEN_RATE_LIMIT,
    NO_SUCH_BASE: Code.BASE_NOT_LINKED,
    "too_many_files": Code.TOO_MANY_FILES,
    "file_too_large": Code.FILE_TOO_LARGE,
    "files_too_large": Code.FILES_TOO_LARGE,
    "unsupported_file_type": Code.UNSUPPORTED_FILE,
    "bad_file": Code.BAD_FILE,
    "base64_characters": Code.BASE64_CHARACTERS,
    "base64_format": Code.BASE64_FORMAT,
}
_BY_STATUS = {
    401: Code.KEY_INVALID,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    413: Code.INPUT_TOO_LONG,
    429: Code.RATE_LIMIT,
    502: Code.FAILED,
    503: Code.MEMORY_UNAVAILABLE,
    504: Code.FAILED,
}


def code_of(error: ApiError) -> Code:
    """The code of any error: its own, that of its name, or that of its status."""
    if error.code is not None and error.code.isdigit():
        return BY_NUMBER[int(error.code)]
    named = _NAMED.get(error.code or "") or _BY_STATUS.get(error.status)
    return named or (Code.INVALID if error.status < SERVER_SIDE else Code.INTERNAL)


def memos_body(error: ApiError) -> bytes:
    """The JSON body of MemOS's errors."""
    document = {"code": code_of(error).number, "data": None, "message": error.message}
    return orjson.dumps(document)


def code_of_problem(place: tuple[int | str, ...], problem: str) -> Code:
    """The code of what pydantic found wrong at a place in a request."""
    if problem.startswith(_PROBLEM):
        return BY_NUMBER[int(problem.removeprefix(_PROBLEM))]
    match problem:
        case "missing" | "string_too_short":
            return Code.EMPTY
        case "too_short":
            return Code.EMPTY_LIST
        case "string_too_long" if "user_id" in place:
            return Code.USER_TOO_LONG
        case "string_too_long" if "conversation_id" in place:
            return Code.CONVERSATION_TOO_LONG
        case "literal_error" | "enum" if "type" in place:
            return Code.UNSUPPORTED_TYPE
        case "greater_than_equal" | "less_than_equal" | "finite_number" if "relativity" in place:
            return Code.RELATIVITY
    return Code.INVALID
