"""What an HTTP source does, and what the fetcher makes of it."""

from __future__ import annotations

import ssl

import pytest
import trustme

from dcp_fetcher.objects import Outcome
from dcp_pipeline.ledger.model import ObjectState
from support.feed_server import FeedServer, Style, basic, feed_server, gzipped
from support.fetching import Fetching, http_source

CSV = b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(7))
ROWS = CSV.removeprefix(b"a,b\n")


def outcomes(fetching: Fetching) -> dict[str, Outcome]:
    return {look.uri.rpartition("/")[2]: look.outcome for look in fetching.round().looks}


@pytest.mark.parametrize("style", ["nginx", "apache", "http.server", "json"])
def test_every_kind_of_listing_is_read(feed: FeedServer, style: Style) -> None:
    feed.style, feed.page_size = style, 2
    for name in ("a.csv", "b c.csv", "d%2F.csv", "e.csv.gz", "skip.csv", "notes.txt"):
        feed.put(name, gzipped(CSV) if name.endswith("gz") else CSV)
    fetching = Fetching(http_source(feed.url, include=["*.csv", "*.csv.gz"], exclude=["skip*"]))
    report = fetching.run()
    assert report.problems == ()
    assert sorted(each.uri.rpartition("/")[2] for each in fetching.ledger.all_objects()) == [
        "a.csv",
        "b%20c.csv",
        "d%252F.csv",
        "e.csv.gz",
    ]
    assert fetching.records() == ROWS * 4


def test_one_url_is_one_object(feed: FeedServer) -> None:
    url = feed.put("only.csv", CSV)
    fetching = Fetching(http_source(url, include=["no-such-name"]))
    assert fetching.run().problems == ()
    assert fetching.records() == ROWS
    batches = fetching.queue.batches()
    assert [(batch.first_record, batch.first_line, batch.header) for batch in batches] == [
        (1, 2, ("a", "b")),
        (3, 4, ("a", "b")),
        (5, 6, ("a", "b")),
        (7, 8, ("a", "b")),
    ]
    assert [job.pipeline for job in fetching.queue.jobs.values()] == ["default/test"] * 4


def test_what_is_known_is_asked_for_with_a_condition_and_not_read_again(feed: FeedServer) -> None:
    feed.put("a.csv", CSV)
    feed.put("b.csv", CSV, etag=False)
    fetching = Fetching(http_source(feed.url))
    fetching.round()
    sent = feed.sent_bytes
    assert outcomes(fetching) == {"a.csv": Outcome.UNCHANGED, "b.csv": Outcome.UNCHANGED}
    assert feed.sent_bytes == sent


def test_a_json_listing_that_shows_the_etag_saves_the_request(feed: FeedServer) -> None:
    feed.style = "json"
    feed.put("a.csv", CSV)
    fetching = Fetching(http_source(feed.url))
    fetching.round()
    fetching.work()
    fetching.round()
    assert len(feed.requests("a.csv")) == 1


@pytest.mark.parametrize("etag", [True, False])
def test_a_changed_file_is_a_new_version_with_its_own_header(feed: FeedServer, etag: bool) -> None:
    feed.put("a.csv", b"a,b\n1,2\n", etag=etag, modified=1e9)
    fetching = Fetching(http_source(feed.url))
    fetching.round()
    feed.put("a.csv", b"b,c,a\n2,3,1\n", etag=etag, modified=1e9 + 60)
    fetching.round()
    assert [(batch.header, batch.raw()) for batch in fetching.queue.batches()] == [
        (("a", "b"), b"1,2\n"),
        (("b", "c", "a"), b"2,3,1\n"),
    ]
    assert len({each.id for each in fetching.ledger.all_objects()}) == 2


def test_without_any_validator_the_bytes_are_the_version(feed: FeedServer) -> None:
    feed.put("a.csv", CSV, etag=False, modified=None)
    fetching = Fetching(http_source(feed.url))
    fetching.round()
    assert outcomes(fetching) == {"a.csv": Outcome.UNCHANGED}
    feed.put("a.csv", CSV + b"9,x\n", etag=False, modified=None)
    assert outcomes(fetching) == {"a.csv": Outcome.CUT}
    assert [each.version.split(":")[0] for each in fetching.ledger.all_objects()] == ["digest", "digest"]


def test_a_download_that_breaks_is_resumed_by_range(feed: FeedServer) -> None:
    big = b"a,b\n" + b"".join(b"%06d,%s\n" % (n, b"x" * 90) for n in range(10_000))
    feed.put("a.csv", big)
    feed.fail("a.csv", break_after=900_000)
    fetching = Fetching(http_source(feed.url), max_records=500)
    assert fetching.run().problems == ()
    assert fetching.records() == big[4:]
    first, second = feed.requests("a.csv")
    assert 0 < int(second.headers["Range"].removeprefix("bytes=").rstrip("-")) <= 900_000
    assert second.headers["If-Range"] == feed.files["a.csv"].etag
    assert "Range" not in first.headers


def test_without_ranges_a_broken_download_starts_again_and_nothing_doubles(feed: FeedServer) -> None:
    big = b"a,b\n" + b"".join(b"%06d,%s\n" % (n, b"x" * 90) for n in range(10_000))
    feed.put("a.csv", big, ranges=False)
    feed.fail("a.csv", break_after=600_000)
    fetching = Fetching(http_source(feed.url), max_records=500)
    assert fetching.run().problems == ()
    assert fetching.records() == big[4:]
    assert fetching.ledger.all_objects()[0].state is ObjectState.CUT


def test_an_object_that_changes_while_it_is_fetched_ends_as_unavailable_and_its_new_version_is_read(
    feed: FeedServer,
) -> None:
    old = b"a,b\n" + b"".join(b"%06d,%s\n" % (n, b"x" * 90) for n in range(10_000))
    feed.put("a.csv", old)
    feed.fail("a.csv", break_after=600_000, then_put=CSV)
    fetching = Fetching(http_source(feed.url), max_records=500)
    fetching.run()
    before, after = fetching.ledger.all_objects()
    assert before.state is ObjectState.UNAVAILABLE
    last = max(cut.end for cut in fetching.ledger.cuts(before.id))
    assert before.reason is not None
    assert f"missing: everything from byte {last}" in before.reason
    assert after.state is ObjectState.CUT
    assert fetching.records(lambda batch: batch.object_id == after.id) == ROWS


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_busy_server_is_asked_again_when_it_says(feed: FeedServer, status: int) -> None:
    feed.put("a.csv", CSV)
    feed.fail("a.csv", times=2, status=status, headers={"Retry-After": "1"})
    feed.fail("", times=2, status=status)
    fetching = Fetching(http_source(feed.url))
    assert fetching.run().problems == ()
    assert fetching.records() == ROWS


@pytest.mark.parametrize(
    ("status", "said"), [(404, "there is no such file"), (403, "may not read"), (401, "credentials"), (500, "HTTP 500")]
)
def test_what_a_server_refuses_is_said(feed: FeedServer, status: int, said: str) -> None:
    feed.put("a.csv", CSV)
    feed.put("b.csv", CSV)
    feed.fail("a.csv", times=99, status=status)
    fetching = Fetching(http_source(feed.url))
    report = fetching.run()
    assert len(report.problems) == 1
    assert "a.csv" in report.problems[0]
    assert said in report.problems[0]
    assert fetching.records() == ROWS


def test_a_listing_that_cannot_be_read_is_a_problem_of_its_source(feed: FeedServer) -> None:
    feed.fail("", times=99, status=403)
    fetching = Fetching(http_source(feed.url))
    report = fetching.run()
    assert report.problems == (f"source feed: {feed.url}: HTTP 403: these credentials may not read it",)
    assert report.figures.sources["feed"].last_error is not None


def test_a_server_that_falls_silent_is_given_up_after_the_timeout(feed: FeedServer) -> None:
    feed.put("a.csv", CSV)
    feed.fail("a.csv", times=99, stall_after=0)
    fetching = Fetching(http_source(feed.url, timeout="100ms"))
    report = fetching.run()
    assert len(report.problems) == 1
    assert "no answer in time" in report.problems[0]


def test_a_server_that_is_not_there_is_said_with_its_address() -> None:
    with feed_server() as gone:
        url = gone.url
    report = Fetching(http_source(url)).run()
    assert len(report.problems) == 1
    assert "Connect" in report.problems[0]


def test_redirects_are_followed_but_not_in_circles(feed: FeedServer) -> None:
    feed.put("real/a.csv", CSV)
    feed.redirect("a.csv", "real/a.csv")
    feed.redirect("b.csv", "c.csv")
    feed.redirect("c.csv", "b.csv")
    fetching = Fetching(http_source(feed.url + "a.csv"), http_source(feed.url + "b.csv", name="circle"))
    report = fetching.run()
    assert fetching.records() == ROWS
    assert len(report.problems) == 1
    assert "circle" in report.problems[0]


def test_credentials_go_to_their_own_origin_only_and_never_into_a_message(feed: FeedServer) -> None:
    with feed_server() as other:
        other.put("a.csv", CSV)
        feed.redirect("a.csv", other.url + "a.csv")
        feed.authorization = basic("me", "s3cret-word")
        ref = {"valueFrom": {"secretKeyRef": {"name": "feed", "key": "key"}}}
        auth = {part: {"secretKeyRef": {"name": "feed", "key": part}} for part in ("username", "password")}
        fetching = Fetching(
            http_source(
                feed.url + "a.csv",
                basicAuth=auth,
                headers=[{"name": "X-Key", **ref}],
                allow=[f"127.0.0.1:{other.port}"],
            ),
            http_source(feed.url + "missing.csv", basicAuth=auth, name="missing"),
        )
        fetching.secrets = {"username": "me\n", "password": "s3cret-word\n", "key": "k3y-word"}
        report = fetching.run()
        assert fetching.records() == ROWS
        assert feed.requests("a.csv")[0].headers["X-Key"] == "k3y-word"
        sent = str(other.requests("a.csv")[0].headers)
        assert "X-Key" not in sent
        assert "Authorization" not in sent
        assert "word" not in str(report)
        fetching.secrets["password"] = "wrong-word"
        assert "credentials are missing or wrong" in str(fetching.run().problems)


def test_a_missing_or_unusable_secret_is_named_and_not_shown(feed: FeedServer) -> None:
    token = {"secretKeyRef": {"name": "feed", "key": "token"}}
    fetching = Fetching(http_source(feed.put("a.csv", CSV), bearerToken=token))
    assert "secret feed, key token is nowhere" in str(fetching.run().problems)
    fetching.secrets["token"] = "two\nlines"
    problems = str(fetching.run().problems)
    assert "control character" in problems
    assert "two" not in problems


def test_tls_is_verified_with_the_authority_of_the_spec() -> None:
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_context)
    with feed_server(server_context) as feed:
        url = feed.put("a.csv", CSV)
        tls = {"ca": {"secretKeyRef": {"name": "feed", "key": "ca"}}}
        trusting = Fetching(http_source(url, tls=tls))
        trusting.secrets["ca"] = authority.cert_pem.bytes().decode()
        assert trusting.run().problems == ()
        assert trusting.records() == ROWS
        assert "TLS" in str(Fetching(http_source(url)).run().problems)
        trusting.secrets["ca"] = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----"
        assert "http.tls" in str(trusting.run().problems)


def test_content_encoding_that_nobody_asked_for_is_undone(feed: FeedServer) -> None:
    feed.put("a.csv", gzipped(CSV), content_encoding="gzip")
    feed.put("b.csv.gz", gzipped(gzipped(CSV)), content_encoding="gzip")
    feed.put("c.csv", CSV, content_encoding="br")
    fetching = Fetching(http_source(feed.url))
    report = fetching.run()
    assert fetching.records() == ROWS * 2
    assert len(report.problems) == 1
    assert "Content-Encoding 'br'" in report.problems[0]


@pytest.mark.parametrize("content_type", ["text/html", "text/csv"])
def test_a_web_page_in_place_of_records_is_not_read_and_forgotten_once_records_are_back(
    feed: FeedServer, content_type: str
) -> None:
    page = b"\n<!DOCTYPE html>\n<html><body>Please log in, now</body></html>\n"
    feed.put("a.csv", page, content_type=content_type)
    fetching = Fetching(http_source(feed.url))
    report = fetching.run()
    assert "web page" in report.problems[0]
    assert fetching.queue.jobs == {}
    feed.put("a.csv", CSV)
    assert fetching.run().problems == ()
    assert fetching.records() == ROWS
    assert {each.state for each in fetching.ledger.all_objects()} == {ObjectState.CUT}


def test_records_served_as_html_are_records_all_the_same(feed: FeedServer) -> None:
    feed.put("a.csv", CSV, content_type="text/html")
    fetching = Fetching(http_source(feed.url))
    assert fetching.run().problems == ()
    assert fetching.records() == ROWS


def test_a_paused_pipeline_reads_nothing(feed: FeedServer) -> None:
    feed.put("a.csv", CSV)
    fetching = Fetching(http_source(feed.url))
    fetching.run(paused=True)
    assert feed.asked == []
