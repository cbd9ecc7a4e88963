"""YAML as this package takes it: the core schema of YAML 1.2, without tags, and no more of it than is read at once."""

import itertools
import re
from typing import Any

import yaml

_MOST_VALUES = 50_000
"""Of a document, aliases resolved: nobody writes so many, and a few aliases of aliases stand for billions."""
_DEEPEST = 50
"""Values inside each other: what goes through them calls itself for each."""
_MOST_DIGITS = 400
"""Of a whole number: the largest `float` has 309, and Python reads none of 4,301."""
_STANDARD = "tag:yaml.org,2002:"


class ForeignYamlError(yaml.MarkedYAMLError):
    """YAML that this package does not take.

    Args:
        what: The fact.
        mark: Where.
        fix: What to do about it, as an imperative.
    """

    def __init__(self, what: str, mark: Any, *, fix: str) -> None:
        super().__init__(problem=what, problem_mark=mark)
        self.what = what
        self.fix = fix


class Loader(yaml.SafeLoader):
    """Knows plain values by how they look (``no`` and ``007`` are texts, ``1e-4`` is a number), and no duplicate keys.

    What is too large, too deep or of a tag of its own is refused while nodes are composed, before there are many.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._begun = 0
        self._open = 0
        self._sizes: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """See `yaml.composer.Composer`."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # types-PyYAML has none
        tag = getattr(event, "tag", None)
        if tag is not None:
            what = f"the tag {tag.replace(_STANDARD, '!!')}"
            raise ForeignYamlError(what, event.start_mark, fix="leave it out: values have no tags")
        self._begun += 1
        self._open += 1
        _check_size(self._begun, self._open, event.start_mark)
        node = super().compose_node(parent, index)
        self._open -= 1
        if isinstance(event, yaml.AliasEvent) and id(node) not in self._sizes:
            raise ForeignYamlError("a value that holds itself", event.start_mark, fix="write out what it holds")
        if node is not None:
            self._sizes[id(node)] = self._size(node)
            _check_size(*self._sizes[id(node)], event.start_mark)
        return node

    def _size(self, node: yaml.Node) -> tuple[int, int]:
        """How many values a node stands for, each as often as aliases repeat it, and how deep they lie."""
        if isinstance(node, yaml.ScalarNode):
            return 1, 1
        parts = itertools.chain(*node.value) if isinstance(node, yaml.MappingNode) else node.value
        sizes = [self._sizes[id(part)] for part in parts]
        return 1 + sum(values for values, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)


def _check_size(values: int, depth: int, mark: Any) -> None:
    if values > _MOST_VALUES:
        fix = "write less of it, or fewer aliases (*name) of aliases"
        raise ForeignYamlError(f"more than {_MOST_VALUES:,} values", mark, fix=fix)
    if depth > _DEEPEST:
        raise ForeignYamlError(f"more than {_DEEPEST} values inside each other", mark, fix="write it flatter")


Loader.yaml_implicit_resolvers = {}

for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    Loader.add_implicit_resolver(f"{_STANDARD}{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is not text", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} stands here twice", key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


def _integer(loader: Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) > _MOST_DIGITS:
        what = f"a whole number of more than {_MOST_DIGITS} digits"
        raise ForeignYamlError(what, node.start_mark, fix="give a smaller one")
    return loader.construct_yaml_int(node)


Loader.add_constructor(f"{_STANDARD}int", _integer)
Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
