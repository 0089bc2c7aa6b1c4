"""`make bench-ui`: how long the page takes with 1,000 pipelines, and with one of 1,000,000 objects. On MariaDB.

Each page is asked for cold (nothing of it was read before) and again; of the first page of 1,000 pipelines also the
browser's first paint. Figures are of a quiet machine, or say nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import aiohttp

from dcp_pipeline.ledger import Ledger
from support.databases import Database, fresh_database
from support.ui_browser import browser, served_page
from support.ui_stage import Stage

_SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {{name: {name}}}
spec:
  sources: [{{name: files, file: {{path: /nowhere}}}}]
  cleaning: {{fields: [{{name: id}}], unique: [id]}}
  sink: {{sql: {{url: "{url}", table: t_{table}, password: {{secretKeyRef: {{name: sink, key: password}}}}}}}}
"""
_OBJECTS = (
    "INSERT INTO dcp_objects (id, pipeline, source, uri, uri_digest, version, revision, state, header_end, header_lines, "
    "created_at, updated_at) SELECT md5(concat('{key}', seq)), '{key}', 'files', concat('file:///feed/', seq, '.csv'), "
    "md5(seq), 'v', 'r', if(seq % 997 = 0, 'unavailable', 'cut'), 0, 0, utc_timestamp(6) - interval {n} - seq second, "
    "utc_timestamp(6) FROM seq_1_to_{n}"
)
_BATCHES = (
    "INSERT INTO dcp_batches (id, pipeline, object_id, kind, sequence, `start`, `end`, records, first_record, first_line, "
    "digest, state, `read`, written, duplicates, rejected, filtered, kept_bytes, created_at, settled_at) "
    "SELECT md5(concat('b{key}', seq)), '{key}', md5(concat('{key}', seq)), 'cut', 0, 0, 1000, 10, 1, 1, md5(seq), 'done', "
    "10, 9, 0, 1, 0, 0, utc_timestamp(6) - interval {n} - seq second, utc_timestamp(6) - interval {n} - seq second "
    "FROM seq_1_to_{n}"
)
_REJECTS = (
    "INSERT INTO dcp_rejects (batch_id, record, object_id, line, start, code, field, reason, raw, raw_bytes, raw_digest, "
    "state) SELECT md5(concat('b{key}', seq)), 1, md5(concat('{key}', seq)), 2, 0, if(seq % 3, 'type-error', 'row-error'), "
    "'id', 'no', 'x', 1, md5(seq), 'open' FROM seq_1_to_{n} WHERE seq % 10 = 0"
)


def fill(database: Database, key: str, objects: int) -> None:
    """Objects with a batch each; a tenth have a reject."""
    for statement in (_OBJECTS, _BATCHES, _REJECTS):
        database.execute(statement.format(key=key, n=objects))


async def measure(built: Stage, paths: list[str], paint: bool) -> None:
    async with served_page(built) as url, aiohttp.ClientSession() as client:
        for path in paths:
            times = []
            for _ in range(2):
                begun = time.perf_counter()
                answer = await client.get(url + path)
                text = await answer.text()
                times.append(time.perf_counter() - begun)
            while "data-waits" in text:  # what was not there in time is read meanwhile
                await asyncio.sleep(0.2)
                text = await (await client.get(url + path)).text()
            whole, begun = times[0], time.perf_counter()
            await (await client.get(url + path)).text()
            warm = time.perf_counter() - begun
            print(f"/{path:<60} cold {whole * 1000:6.0f} ms  warm {warm * 1000:5.0f} ms  {len(text) / 1024:6.0f} KiB")
        if paint:
            await painted(url)


async def painted(url: str) -> None:
    """First paint and answer of the page of all pipelines, in turn with a page on which nothing stands: what a busy
    machine adds, it adds to both."""
    found: dict[str, dict[str, list[float]]] = {}
    async with browser() as chromium:
        page = await chromium.new_page()
        for _ in range(9):
            for name, path in (("1,000 pipelines", ""), ("nothing", "sign-in")):
                await page.goto(url + path)
                await page.screenshot()  # so it was painted
                for what, script in _MEASURED.items():
                    found.setdefault(what, {}).setdefault(name, []).append(await page.evaluate(script))
    for what, by_page in found.items():
        middle = {name: sorted(times)[len(times) // 2] for name, times in by_page.items()}
        least = {name: min(times) for name, times in by_page.items()}
        many, none = middle["1,000 pipelines"], middle["nothing"]
        print(
            f"{what}: 1,000 pipelines {many:.0f} ms, a page with nothing on it {none:.0f} ms ({many / max(none, 1):.1f} times);"
            f" the quickest {least['1,000 pipelines']:.0f} and {least['nothing']:.0f} ms"
        )


_MEASURED = {
    "answered": "performance.getEntriesByType('navigation')[0].responseEnd",
    "first paint": "performance.getEntriesByName('first-contentful-paint')[0].startTime",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--pipelines", type=int, default=1000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, fresh_database("mariadb", Path(scratch)) as database:
        Ledger(database.engine, "default/p").prepare()
        env = {**os.environ, "DCP_SECRET_SINK_PASSWORD": database.password or ""}
        folders = {name: Path(scratch) / name for name in ("fleet", "one")}
        for folder in folders.values():
            folder.mkdir()
        for number in range(wanted.pipelines):
            name = f"p{number:04}"
            (folders["fleet"] / f"{name}.yaml").write_text(_SPEC.format(name=name, table=name, url=database.url))
            fill(database, f"default/{name}", 3)
        (folders["one"] / "big.yaml").write_text(_SPEC.format(name="big", table="big", url=database.url))
        begun = time.perf_counter()
        fill(database, "default/big", wanted.objects)
        print(f"{wanted.objects:,} objects laid down in {time.perf_counter() - begun:.0f} s")
        asyncio.run(measure(Stage(folders["fleet"], None, env), [""], paint=True))  # type: ignore[arg-type]
        big, middle = "p/default/big", wanted.objects // 2
        paths = [big, f"{big}/objects", f"{big}/objects?older={middle}", f"{big}/objects?newer=0"]
        paths += [f"{big}/objects?state=unavailable", f"{big}/rejects", f"{big}/freshness", f"{big}/dead"]
        asyncio.run(measure(Stage(folders["one"], None, env), paths, paint=False))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
