"""Secrets in the text of a spec are found, and not shown."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_pipeline.spec.checking.checks import problems_of
from support.fetching import http_source, pipeline_of

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-def"
REF = {"valueFrom": {"secretKeyRef": {"name": "feed", "key": "token"}}}


def found(url: str = "http://h.test/", **http: Any) -> list[tuple[str, str]]:
    return [(each.path, each.message) for each in problems_of(pipeline_of(http_source(url, **http)))]


@pytest.mark.parametrize(
    ("how", "path"),
    [
        ({"headers": [{"name": "Authorization", "value": "Bearer s3cret-word"}]}, "headers[0].value"),
        ({"headers": [{"name": "x-api-key", "value": "s3cret-word"}]}, "headers[0].value"),
        ({"headers": [{"name": "X", "value": "x" + "y" * 9}, {"name": "X-Y", "value": JWT}]}, "headers[1].value"),
        ({"query": [{"name": "access_token", "value": "s3cret-word"}]}, "query[0].value"),
        ({"url": "http://h.test/a?list=1&token=s3cret-word"}, "url"),
        ({"url": "http://h.test/a?X-Amz-Signature=s3cret-word"}, "url"),
        ({"url": "http://h.test/AKIAIOSFODNN7EXAMPLE/"}, "url"),
        ({"exclude": ["ghp_" + "a1" * 18]}, "exclude[0]"),
    ],
)
def test_a_secret_in_the_text_is_named_by_its_place(how: dict[str, Any], path: str) -> None:
    problems = found(**how)
    assert [each for each, _ in problems] == [f"spec.sources[0].http.{path}"]
    assert "Secret" in problems[0][1]
    assert "s3cret" not in problems[0][1]
    assert JWT not in problems[0][1]


@pytest.mark.parametrize(
    "how",
    [
        {"headers": [{"name": "Authorization", **REF}, {"name": "X-Key", "value": "plain-text"}]},
        {"query": [{"name": "token", **REF}, {"name": "page_size", "value": "100000"}]},
        {"url": "http://h.test/a?key=all&token=1&format=csv"},
        {"url": "http://h.test/sk-tokens/eyJ/"},
    ],
)
def test_what_is_none_passes(how: dict[str, Any]) -> None:
    assert found(**how) == []
