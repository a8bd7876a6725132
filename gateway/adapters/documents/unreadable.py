"""Why a file is not read, in words for whoever added it."""


class UnreadableError(Exception):
    """The message says why and quotes nothing of the file."""
