"""A secret of this gateway's own, in a file of the data folder that only its owner may read."""

import os
import secrets
from pathlib import Path
from typing import Final

from gateway.errors import StartupError

NAME: Final = "identity-secret"


def kept_secret(folder: Path) -> str:
    """The secret in the folder; made at the first use. Raises StartupError."""
    file = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(descriptor, "w") as made:
                made.write(secrets.token_urlsafe(32))
                made.flush()
                os.fsync(made.fileno())
        secret = file.read_text().strip()
    except OSError as error:
        raise StartupError(f"{file}: {error.strerror}") from error
    if not secret:
        raise StartupError(f"{file} is empty: put a copy of it there, or remove it")
    return secret
