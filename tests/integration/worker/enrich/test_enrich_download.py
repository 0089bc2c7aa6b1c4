"""Databases behind a URL: downloaded once, asked for again when due, and never worse than what is there."""

from __future__ import annotations

import gzip
import logging
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dcp_worker.enrich import Enrichers, EnrichmentError, Step, download
from support.batches import cleaning_of
from support.listeners import talking
from support.mmdb import flat, write_mmdb
from support.waiting import wait_until


class Vendor:
    """What the server serves, and what it was asked."""

    status = 200
    body = b""
    asked: list[str | None]

    def __init__(self) -> None:
        self.asked = []


@pytest.fixture
def vendor() -> Iterator[tuple[Vendor, str]]:
    state = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            since = self.headers.get("If-Modified-Since")
            state.asked.append(since)
            self.send_response(304 if since and state.status == 304 else state.status)
            self.send_header("Content-Length", str(len(state.body) if state.status == 200 else 0))
            self.end_headers()
            if state.status == 200:
                self.wfile.write(state.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_port}/country.mmdb"
    server.shutdown()
    server.server_close()
    thread.join()


def database(folder: Path, country: str) -> bytes:
    return write_mmdb(folder / "made", {"192.0.2.0/24": flat(country)}).read_bytes()


def step_of(folder: Path, url: str, refresh: str = "24h") -> Step:
    geoip = {"from": "ip", "database": {"url": url, "refresh": refresh}, "fields": {"country": "country_code"}}
    cleaning = cleaning_of({"name": "ip", "type": "ip"}, {"name": "country"}, enrich=[{"geoip": geoip}])
    return Enrichers(Path, folder / "cache").of(cleaning)[0]


def country(step: Step) -> str | None:
    found: str | None = step.enrich(pl.Series("ip", ["192.0.2.1"]))["country"].item()
    return found


def age(folder: Path, seconds: float) -> None:
    (path,) = (folder / "cache").iterdir()
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("packed", [False, True])
def test_a_database_is_downloaded_and_kept(tmp_path: Path, vendor: tuple[Vendor, str], packed: bool) -> None:
    state, url = vendor
    body = database(tmp_path, "DE")
    state.body = gzip.compress(body) if packed else body
    assert country(step_of(tmp_path, url)) == "DE"
    assert country(step_of(tmp_path, url)) == "DE"
    assert state.asked == [None]


def test_an_old_one_is_asked_for_again_only_if_it_changed(tmp_path: Path, vendor: tuple[Vendor, str]) -> None:
    state, url = vendor
    state.body = database(tmp_path, "DE")
    step_of(tmp_path, url)
    age(tmp_path, 90_000)
    state.status = 304
    assert country(step_of(tmp_path, url)) == "DE"
    assert len(state.asked) == 2
    assert state.asked[1] is not None
    age(tmp_path, 90_000)
    state.status, state.body = 200, database(tmp_path, "FR")
    assert country(step_of(tmp_path, url)) == "FR"


def test_a_running_process_takes_the_new_one(tmp_path: Path, vendor: tuple[Vendor, str]) -> None:
    state, url = vendor
    state.body = database(tmp_path, "DE")
    step = step_of(tmp_path, url, refresh="0s")
    state.body = database(tmp_path, "FR")
    assert country(step) == "FR"


@pytest.mark.parametrize(("status", "body"), [(503, b""), (200, b"<html>sorry</html>"), (200, b"\x1f\x8bbroken")])
def test_what_is_no_database_never_replaces_one(
    tmp_path: Path, vendor: tuple[Vendor, str], status: int, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    state, url = vendor
    state.body = database(tmp_path, "DE")
    step_of(tmp_path, url)
    age(tmp_path, 90_000)
    state.status, state.body = status, body
    with caplog.at_level(logging.WARNING):
        assert country(step_of(tmp_path, url)) == "DE"
    assert [record.getMessage() for record in caplog.records] == ["geolocation database could not be downloaded"]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_without_any_it_is_an_error_that_names_the_setting(tmp_path: Path, vendor: tuple[Vendor, str]) -> None:
    state, url = vendor
    state.status = 404
    with pytest.raises(EnrichmentError) as caught:
        step_of(tmp_path, url)
    want = f"spec.cleaning.enrich[0].geoip.database.url: {url} could not be downloaded: HTTP Error 404: Not Found"
    assert str(caught.value) == want


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 no such key: L1cence/geheim\r\n\r\n",
        b"HTTP/1.1 403 /db?license_key=L1cence%2Fgeheim&suffix=gz\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: gopher://h/L1cence%2Fgeheim\r\n\r\n",
        b"L1cence/geheim is no HTTP\r\n\r\n",
    ],
)
def test_a_key_in_its_query_stands_in_no_message_whatever_a_server_repeats(
    tmp_path: Path, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with talking(answer) as rogue, pytest.raises(EnrichmentError) as caught:
        step_of(tmp_path, f"{rogue.url}/db?license_key=L1cence%2Fgeheim&suffix=gz")
    assert b"?license_key=L1cence%2Fgeheim" in rogue.asked[0]
    assert f"{rogue.url}/db could not be downloaded: " in str(caught.value)
    assert [vars(each)["url"] for each in caplog.records] == [f"{rogue.url}/db"]
    for text in (str(caught.value), str([vars(each) for each in caplog.records])):
        assert "geheim" not in text


@pytest.mark.parametrize("left", [b"", b"\x00" * 4096, b"half of it"])
def test_what_a_full_disk_left_of_a_database_is_as_none(
    tmp_path: Path, vendor: tuple[Vendor, str], left: bytes
) -> None:
    state, url = vendor
    state.body = database(tmp_path, "KE")
    step_of(tmp_path, url)
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(left or state.body[: len(state.body) // 2])
    assert country(step_of(tmp_path, url)) == "KE"
    assert state.asked == [None, None]


def test_what_unpacks_to_far_more_than_a_database_does_is_no_file_on_disk(
    tmp_path: Path, vendor: tuple[Vendor, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, url = vendor
    monkeypatch.setattr(download, "LEAST_CAP_BYTES", 1 << 20)
    state.body = gzip.compress(bytes(64 << 20))
    with pytest.raises(EnrichmentError, match=r"more than 1\d{6} bytes"):
        step_of(tmp_path, url)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_slow_server_keeps_no_batch_waiting_while_there_is_a_database(
    tmp_path: Path, vendor: tuple[Vendor, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, url = vendor
    state.body = database(tmp_path, "DE")
    step_of(tmp_path, url)
    age(tmp_path, 90_000)
    answered = threading.Event()
    fetch = download.DownloadedDatabase._fetch

    def slowly(self: download.DownloadedDatabase) -> None:
        assert answered.wait(120)
        fetch(self)

    monkeypatch.setattr(download.DownloadedDatabase, "_fetch", slowly)
    monkeypatch.setattr(download, "_PATIENCE_SECONDS", 0.01)
    state.body = database(tmp_path, "FR")
    step = step_of(tmp_path, url)
    assert country(step) == "DE"
    answered.set()
    wait_until(lambda: country(step) == "FR", "the new one is taken")
