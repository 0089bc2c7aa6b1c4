"""Reading YAML without guesses: dates stay text, and a key that is written twice is an error."""

from __future__ import annotations

from typing import Any

import yaml

from dcp_pipeline.spec.bounds import MAX_CHARS, check_size

_BOOLEAN, _TEXT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:str"


class YamlError(ValueError):
    """Says what is wrong."""


def yaml_documents(text: str) -> list[Any]:
    """The documents of a text, without the empty ones. Raises YamlError."""
    if len(text) > MAX_CHARS:
        raise YamlError(f"it has {len(text)} characters; a spec has at most {MAX_CHARS}")
    try:
        documents = [each for each in yaml.load_all(text, Loader=_Loader) if each is not None]
        check_size(documents)
        return documents
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    """Where it is and what, without the library's words for a text that has no file."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error).replace(' in "<unicode string>",', " at").replace("\n ", "")
    mark, begun = error.problem_mark, error.context_mark
    since = f", {error.context} of line {begun.line + 1}" if error.context and begun is not None else ""
    problem = (
        (error.problem or "it cannot be read").replace("'<stream end>'", "the end").replace("<", "a ").replace(">", "")
    )
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{since}"


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice: the first one would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _BOOLEAN:
                key_node.tag = _TEXT  # `on:` is a word; no key is meant as true or false
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
