"""What errors say, word for word: one file has it by test, so that a change of a wording is a change of one file."""

import platform
import re
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from ray_mtlkd.errors import flatten

FILE = Path(__file__).with_name("messages.yaml")

_CHECKSUM = re.compile(r"\b[0-9a-f]{8}…")
_NAMES = re.compile(r"(use (?:one of|an encoder that does)): [^\s,]+(?:, (?!or )[^\s,]+){2,}")


def place_of(item):
    """Where the words of a test stand in messages.yaml: its file, its name, its parameters ("" without)."""
    file, test = item.nodeid.split("::", 1)
    name, _, case = test.removesuffix("]").partition("[")
    return file, name, case


class Words:
    """What errors said in one test, in order: messages.yaml must have the same for it."""

    def __init__(self, place, base):
        self.place = place
        self.told = []
        self._temporary = re.compile(rf"{re.escape(str(base))}/[\w-]+")

    def __call__(self, told):
        """Add the lines of a text, or of what an error says; of a group, what each of its errors says."""
        told = list(flatten(told)) if isinstance(told, BaseExceptionGroup) else [told]
        self.told += [line for one in told for line in self._plain(str(one)).splitlines()]

    def _plain(self, text):
        """The same text on every machine, with every PyTorch, and however many names there are to choose from."""
        text = self._temporary.sub("TMP", text).replace(version("torch"), "VERSION")
        text = _NAMES.sub(r"\1: NAMES", _CHECKSUM.sub("CHECKSUM", text))
        host, colon, rest = text.partition(": ")
        return f"HOST{colon}{rest}" if host == platform.node() else text


class _Dumper(yaml.CSafeDumper):
    """Quotes once, where a text has quotes of its own."""


def _quoted(dumper, text):
    is_simple = "'" in text and not set(text) & set('"\\\n')
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if is_simple else None)


_Dumper.add_representer(str, _quoted)


class Messages:
    """The file, by place; as it is, or as a run rewrites it.

    A file's tests are a mapping, a test's cases likewise; one text stands alone, several are a list.
    """

    def __init__(self, file=FILE):
        self._file = file
        self.entries = {}
        for name, tests in (yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}).items():
            for test, cases in tests.items():
                for case, told in (cases if isinstance(cases, dict) else {"": cases}).items():
                    self.entries[name, test, case] = told if isinstance(told, list) else [told]

    def strangers(self, places):
        """Places of the file that are none of ``places``."""
        return self.entries.keys() - set(places)

    def write(self):
        """Write the file anew."""
        files = defaultdict(lambda: defaultdict(dict))
        for name, test, case in sorted(self.entries):
            if told := self.entries[name, test, case]:
                files[name][test][case] = told[0] if len(told) == 1 else told
        plain = {
            name: {test: cases[""] if cases.keys() == {""} else cases for test, cases in tests.items()}
            for name, tests in files.items()
        }
        text = yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, width=10**6)
        self._file.write_text(text, encoding="utf-8")


MESSAGES = pytest.StashKey[Messages]()
STRANGERS = pytest.StashKey[set]()
"""Places in the file that are of no test of the run."""
