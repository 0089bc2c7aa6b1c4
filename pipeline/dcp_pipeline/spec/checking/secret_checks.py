"""Secrets that stand in a spec's text, where everybody reads them who may read the spec. Pure.

Told by what they are called (a header, a parameter of a URL) and by what they look like, wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from dcp_pipeline.spec.errors import SpecProblem, path_of
from dcp_pipeline.spec.model import HttpSource, Source, Spec
from dcp_pipeline.texts import url_problem

_CALLED = re.compile(
    r"authorization|cookie|password|passwd|secret|token|api[-_]?key|access[-_]?key|signature|credential|^(sig|auth|pwd)$",
    re.IGNORECASE,
)
_LOOKS = re.compile(
    r"\b(eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*|(AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_\w{30,}|github_pat_\w{30,}|"
    r"glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|sk-[\w-]{24,})|-----BEGIN [A-Z ]*PRIVATE KEY",
)
_SHORTEST_SECRET_CHARS = 6


def secret_problems(spec: Spec) -> Iterator[SpecProblem]:
    """Each of them by its path, and never by its value."""
    for index, source in enumerate(spec.sources):
        yield from _called(source, index)
    for place, text in _texts(msgspec.to_builtins(spec, enc_hook=str), ("spec",)):
        if _LOOKS.search(text):
            yield SpecProblem(path_of(place), "looks like a token or a key; put it into a Secret and name that here")


def _called(source: Source, index: int) -> Iterator[SpecProblem]:
    http = source.where(HttpSource)
    if http is None:
        return
    place = ("spec", "sources", index, "http")
    for member in ("headers", "query"):
        for number, each in enumerate(getattr(http, member)):
            if each.value and len(each.value) >= _SHORTEST_SECRET_CHARS and _CALLED.search(each.name):
                yield SpecProblem(
                    path_of((*place, member, number, "value")),
                    f"{each.name} is called like a secret; put it into a Secret and name it in valueFrom.secretKeyRef",
                )
    query = "" if url_problem(http.url) else urlsplit(http.url).query
    for name, value in parse_qsl(query):
        if len(value) >= _SHORTEST_SECRET_CHARS and _CALLED.search(name):
            yield SpecProblem(
                path_of((*place, "url")),
                f"the parameter {name} is called like a secret; take it out of the URL, put it into a Secret and name "
                "it in http.query: [{name: ..., valueFrom: {secretKeyRef: ...}}]",
            )


def _texts(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, (*place, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _texts(each, (*place, index))
