"""Bytes that anybody may have written: tables, tensors and JSON, read whole or refused by one error.

Libraries answer to a damaged or forged file by a dozen sorts of errors, some by values that end the process later. What
is read here has been checked from end to end.
"""


class UnreadableError(OSError):
    """Bytes that are not what they are read as; it says why in one line."""
