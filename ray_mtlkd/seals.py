"""Checksums inside files, so that a file that was changed is told from one that was written so.

A sealed JSON object has its checksum as its last member. A sealed Parquet file has it at the end of its footer, where
the format puts signatures and readers do not look: it is read by everything that reads Parquet. Files of others have
none and are read as they are.
"""

import hashlib
import struct

_MARK = b"ray_mtlkd sha256"
_DIGEST = 32
_TAIL = struct.Struct("<I4s")
"""What ends a Parquet file: bytes of its footer, and the format's name."""


class DamagedFileError(OSError):
    """A file that is not what was written."""

    def __init__(self) -> None:
        super().__init__("damaged: its checksum does not match")


def sealed_table(parquet: bytes) -> bytes:
    """A Parquet file with its checksum."""
    footer_bytes, name = _TAIL.unpack(parquet[-_TAIL.size :])
    body = parquet[: -_TAIL.size] + _MARK
    return body + hashlib.sha256(body).digest() + _TAIL.pack(footer_bytes + len(_MARK) + _DIGEST, name)


def check_table(parquet: bytes, *, is_sealed: bool = False) -> bytes:
    """The same file.

    Args:
        is_sealed: Whether it was sealed in any case: of others' files only those that say so were.

    Raises:
        DamagedFileError: where it was sealed and then changed.
    """
    end = len(parquet) - _TAIL.size - _DIGEST
    if parquet[max(0, end - len(_MARK)) : end] == _MARK:
        digest = hashlib.sha256(memoryview(parquet)[:end]).digest()
        if digest != parquet[end : end + _DIGEST]:
            raise DamagedFileError
    elif is_sealed:
        raise DamagedFileError
    return parquet


def sealed_json(text: str) -> bytes:
    """The JSON of an object of at least one member, with its checksum."""
    data = text.encode()
    return data[:-1] + _member(data)


def check_json(data: bytes) -> bytes:
    """What was sealed, without its checksum.

    Raises:
        DamagedFileError: where it was changed, or never sealed.
    """
    text = data[: -len(_member(b""))] + b"}"
    if data != text[:-1] + _member(text):
        raise DamagedFileError
    return text


def _member(data: bytes) -> bytes:
    return f', "sha256": "{hashlib.sha256(data).hexdigest()}"}}'.encode()
