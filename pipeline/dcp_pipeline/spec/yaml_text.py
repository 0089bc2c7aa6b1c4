"""Reading YAML without guesses: dates stay text, and a key that is written twice is an error."""

from __future__ import annotations

from typing import Any

import yaml


class YamlError(ValueError):
    """Says what is wrong."""


def yaml_documents(text: str) -> list[Any]:
    """The documents of a text, without the empty ones. Raises YamlError."""
    try:
        return [each for each in yaml.load_all(text, Loader=_Loader) if each is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(str(error)) from error


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice: the first one would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise ValueError(f"line {line}: the key {key!r} is no text; quote it")
            if key in seen:
                raise ValueError(f"line {line}: the key {key!r} stands here twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


# Timestamps stay text: `minimum: 2024-01-01` is compared as the field's type says, not as YAML guesses.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
