"""What a word is, for every feature that reads text, and hashes that are the same in every process."""

import re

from sklearn.utils import murmurhash3_32

PATTERN = r"\w+(?:'\w+)?|[^\w\s]"
"""Words (with their apostrophe) and single signs."""

_WORD = re.compile(PATTERN)


def split_words(text: str) -> list[str]:
    """The words and signs of a text, in order."""
    return _WORD.findall(text)


def bucket(key: str, buckets: int) -> int:
    """The place of a key in a hash table, in [0, buckets): MurmurHash3 of its UTF-8 bytes."""
    return int(murmurhash3_32(key.encode(), seed=0, positive=True)) % buckets
