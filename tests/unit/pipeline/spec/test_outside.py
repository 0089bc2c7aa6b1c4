"""A spec comes from outside too: URLs that lead nowhere, and texts that are endless to use."""

from __future__ import annotations

import pytest

from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.parse import parse_pipeline

SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {{name: odd}}
spec:
  sources: [{{name: a, http: {{url: "{http}"}}}}]
  queue: {{redis: {{url: "{redis}"}}}}
  sink: {{sql: {{url: "{sink}", table: clean}}}}
  cleaning:
    fields: [{{name: ip, type: ip}}, {{name: country}}]
    unique: [ip]
    enrich: [{{geoip: {{from: ip, database: {{url: "{mmdb}"}}, fields: {{country: country.iso_code}}}}}}]
"""
GOOD = {
    "http": "http://h:80/x/",
    "redis": "redis://h:6379/0",
    "sink": "mysql+pymysql://me@h:3306/clean",
    "mmdb": "https://h/x.mmdb",
}
PATHS = {
    "http": "spec.sources[0].http.url",
    "redis": "spec.queue.redis.url",
    "sink": "spec.sink.sql.url",
    "mmdb": "spec.cleaning.enrich[0].geoip.database.url",
}


def problems(**urls: str) -> dict[str, str]:
    try:
        parse_pipeline(SPEC.format(**(GOOD | urls)))
    except SpecInvalid as error:
        return {each.path: each.message for each in error.problems}
    return {}


def test_good_urls_are_no_problem() -> None:
    assert problems() == {}


@pytest.mark.parametrize("member", GOOD)
@pytest.mark.parametrize(
    "host", ["[bad", "h:99999", "h:0", "h:port", "[::1", "h]:1", "a" * 70 + ".b", "x..y", "h\\u0000"]
)
def test_a_url_that_leads_nowhere_is_refused_with_its_path(member: str, host: str) -> None:
    scheme, _, path = GOOD[member].rpartition("//")[0], "", GOOD[member].rpartition("/")[2]
    found = problems(**{member: f"{scheme}//{host}/{path}"})
    assert list(found) == [PATHS[member]]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a '" + "y" * 100_000 + "'\nb: [" + ", ".join(["*a"] * 100) + "]",
        "[" * 500 + "]" * 500,
        "x" * (5 << 20),
    ],
)
def test_a_text_that_is_endless_to_use_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid, match=r"more than|at most|recursion"):
        parse_pipeline(text)


@pytest.mark.parametrize(
    "line",
    [
        "sources: [{name: feed, http: {url: 'http://u:hunter2hunter2@h/x'}}]",
        "sources: [{name: feed, http: {url: 'https://hunter2hunter2@h/x'}}]",
        "sources: [{name: feed, http: {url: 'http://u:hunter2hunter2/" + "x" * 90 + "@h/'}}]",
        "queue: {redis: {url: 'redis://u:hunter2hunter2@h/0'}}",
        "sink: {sql: {url: 'mysql+pymysql://u:hunter2hunter2@h/d', table: t}}",
        "sink: {sql: {url: 'nonsense://u:hunter2hunter2@h/d', table: t}}",
        "worker: {concurrency: 'http://u:hunter2hunter2@h/'}",
        "state: 'http://u:hunter2hunter2@h/'",
    ],
)
def test_no_problem_shows_the_password_of_a_url(line: str) -> None:
    spec = "spec: {cleaning: {fields: [{name: a}]}}".replace("spec: {", "spec: {" + line + ", ")
    text = f"{{apiVersion: datacleaning.io/v1alpha1, kind: DataCleaningPipeline, metadata: {{name: a}}, {spec}}}"
    with pytest.raises(SpecInvalid) as caught:
        parse_pipeline(text)
    assert "hunter2" not in str(caught.value)
    assert not [each for each in caught.value.problems if "hunter2" in each.message]
