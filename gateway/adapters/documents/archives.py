"""Zip archives as a stranger made them: looked at before anything in them is unpacked."""

from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from gateway.adapters.documents.unreadable import UnreadableError

MOST = 256 * 2**20  # bytes of all that is in it, unpacked
MOST_MEMBERS = 10_000
_SMALL = 16 * 2**20  # bytes up to which a member may be of any ratio
_RATIO = 100  # of a member's size to what it takes packed; XML has 10 to 30


def opened(content: BinaryIO, *, most: int = MOST, members: int = MOST_MEMBERS) -> ZipFile:
    """An archive that does no harm when it is unpacked. Raises UnreadableError.

    No member gives more bytes than it declares, so what is declared may be relied upon.
    """
    try:
        archive = ZipFile(content)
    except (BadZipFile, NotImplementedError, ValueError, OSError):
        raise UnreadableError("it is not a whole archive") from None
    infos = archive.infolist()
    if len(infos) > members:
        raise UnreadableError(f"it holds more than {members} files")
    if sum(info.file_size for info in infos) > most:
        raise UnreadableError("unpacked, it is too large")
    for info in infos:
        if info.file_size > _SMALL and info.file_size > _RATIO * max(info.compress_size, 1):
            raise UnreadableError("it is packed as only a bomb is")
        if info.flag_bits & 1:
            raise UnreadableError("it is encrypted")
    return archive
