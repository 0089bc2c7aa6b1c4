"""What objects are called: signatures do not count, secrets do not show, everything else tells them apart."""

from __future__ import annotations

import pytest

from dcp_fetcher.ground.errors import RefusedError
from dcp_fetcher.sites.http.naming import Addresses, hides_query, object_name, redacted, scrubbed, without_queries

HOST = "https://h.test/b/a.csv"
SIGNED = [
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F2026&X-Amz-Date={n}&X-Amz-Expires=60&X-Amz-Signature=s{n}",
    "?AWSAccessKeyId=AK&Expires={n}&Signature=s{n}",
    "?X-Goog-Signature={n}&X-Goog-Date={n}",
    "?Expires={n}&Signature={n}&Key-Pair-Id=K{n}",
    "?sv=2022-11-02&se={n}&sr=b&sp=r&sig={n}",
    "?OSSAccessKeyId=x&Expires={n}&Signature={n}",
]


@pytest.mark.parametrize("signed", SIGNED)
def test_a_signature_is_no_part_of_a_name(signed: str) -> None:
    assert {object_name(HOST + signed.format(n=n)) for n in (1, 2)} == {HOST}


@pytest.mark.parametrize(
    "query", ["?id={n}", "?versionId={n}&X-Amz-Date=7", "?expires={n}", "?se={n}", "?q=a&p={n}", "?{n}"]
)
def test_what_may_tell_objects_apart_stays_and_is_not_shown(query: str) -> None:
    first, second = (object_name(HOST + query.format(n=n)) for n in ("s3cret", "other"))
    assert first != second
    assert "s3cret" not in first
    assert hides_query(first)
    assert redacted(first) == object_name(first) == first


def test_the_spec_says_what_else_changes() -> None:
    urls = [f"{HOST}?id=7&Token={n}&t_{n}=1" for n in (1, 2)]
    assert len({object_name(url, ["token", "T_*"]) for url in urls}) == 1
    assert object_name(urls[0], ["*"]) == HOST
    assert object_name(f"{HOST}?a=1&b=2") == object_name(f"{HOST}?b=2&a=1")


def test_a_name_without_a_query_is_the_url() -> None:
    assert object_name(HOST) == HOST


def test_the_last_url_of_a_name_is_asked_for() -> None:
    addresses = Addresses()
    first, name = (addresses.named(f"{HOST}?Expires={n}&Signature=x") for n in (1, 2))
    assert first == name
    assert addresses.of(name) == f"{HOST}?Expires=2&Signature=x"
    assert addresses.of(HOST + "x") == HOST + "x"
    with pytest.raises(RefusedError, match="listed no more"):
        Addresses().of(object_name(f"{HOST}?id=1"))


def test_texts_lose_the_queries_of_urls() -> None:
    assert without_queries(f"400, url='{HOST}?k=s3cret&x=1', why?") == f"400, url='{HOST}?...', why?"
    raw = b'{"url": "https://u:pw@h.test/a?key=s3cret", "id": "a?b"}'
    assert scrubbed(raw) == b'{"url": "https://...@h.test/a?...", "id": "a?b"}'
    assert scrubbed(b"\xff\x00?") == b"\xff\x00?"
