"""YAML parsed to JSON values, with the line of each field."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import yaml
from pydantic import JsonValue
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_MAPPING: Final = "tag:yaml.org,2002:map"
_TEXT: Final = "tag:yaml.org,2002:str"
_ALLOWED_TAGS: Final = ("null", "bool", "int", "float", "str", "seq", "map")


class InvalidYaml(ValueError):
    """The text is no YAML that a catalog allows; `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        """Store the line, and the problem as the message."""
        super().__init__(problem)
        self.line = line


class _Loader(yaml.SafeLoader):
    """Loader of YAML 1.2 scalars: no `yes`, no dates, no base-60 numbers, no aliases."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Refuse aliases, which hide values and allow values that contain themselves."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise InvalidYaml(
                event.start_mark.line + 1, f"*{event.anchor}: write it out, no aliases"
            )
        node: Node | None = super().compose_node(parent, index)
        return node


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first
    )


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """Value of a YAML text, with the position of each field."""

    value: JsonValue
    _root: Node | None

    def locate(self, path: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """Return the line, from 1, of the field at a path, and the part of the path that exists.

        An absent field has the line of its parent; a path ends at a scalar.
        """
        node, line = self._root, 1 if self._root is None else self._root.start_mark.line + 1
        for depth, part in enumerate(path):
            if not isinstance(node, MappingNode | SequenceNode):
                return line, tuple(path[:depth])
            child = _child(node, part)
            if child is None:
                break
            node, line = child
        return line, tuple(path)


def read_yaml(text: str) -> YamlDocument:
    """Parse one YAML document; raises InvalidYaml."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        return YamlDocument(None if root is None else _value(loader, root), root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise InvalidYaml(1 if mark is None else mark.line + 1, f"is no YAML: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InvalidYaml(line, "holds a control character: remove it") from None
    except RecursionError:
        raise InvalidYaml(1, "is nested too deeply") from None


def _child(node: Node, part: str) -> tuple[Node, int] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line + 1
    elif isinstance(node, SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item, item.start_mark.line + 1
    return None


def _value(loader: _Loader, node: Node) -> JsonValue:
    line = node.start_mark.line + 1
    if node.tag not in {f"tag:yaml.org,2002:{name}" for name in _ALLOWED_TAGS}:
        raise InvalidYaml(line, f"{node.tag}: leave the tag out, only plain values are read")
    if isinstance(node, MappingNode):
        fields: dict[str, JsonValue] = {}
        for key, value in node.value:
            name = _field_name(key)
            if name in fields:
                raise InvalidYaml(key.start_mark.line + 1, f"{name}: is there twice; leave one out")
            fields[name] = _value(loader, value)
        return fields
    if isinstance(node, SequenceNode):
        return [_value(loader, item) for item in node.value]
    try:
        scalar: JsonValue = loader.construct_object(node)
    except ValueError:
        raise InvalidYaml(line, f"{node.value}: cannot be read as {node.tag[-5:]}") from None
    return scalar


def _field_name(key: Node) -> str:
    if not isinstance(key, ScalarNode):
        raise InvalidYaml(
            key.start_mark.line + 1, "a field's name must be a word, no list or mapping"
        )
    return str(key.value)
