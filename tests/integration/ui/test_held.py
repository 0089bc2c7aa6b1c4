"""Objects that are held: the page tells of them apart from the dead, and a person who signed in decides."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import aiohttp

from support.dcp_process import dcp
from support.ui_browser import TOKEN, served_page
from support.ui_stage import Stage
from support.waiting import eventually

SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: held}
spec:
  sources: [{name: files, file: {path: feed}, format: {type: csv}}]
  cleaning: {fields: [{name: id, type: integer}], unique: [id]}
  expect: {maxRejected: 10%, whenRejected: hold}
"""


def held(folder: Path) -> Stage:
    """Three files of forty records: a good one, and two of which half is no number."""
    (folder / "feed").mkdir(parents=True)
    for place, name in enumerate(("bad one", "bad <two>", "good")):
        lines = [f"{place}{n:03}" if n % 2 or name == "good" else f"no{n}" for n in range(40)]
        (folder / "feed" / f"{name}.csv").write_text("\n".join(["id", *lines]) + "\n")
    (folder / "held.yaml").write_text(SPEC.replace("path: feed", f"path: {folder}/feed"))
    code, process = dcp(folder, "run", "held.yaml", "--once")
    assert code == 1, process.err()
    return Stage(folder, None, {})  # type: ignore[arg-type]


async def test_a_held_object_is_told_apart_released_and_dropped(tmp_path: Path) -> None:
    built = held(tmp_path / "pipelines")
    place = "p/default/held"
    jar = aiohttp.CookieJar(unsafe=True)
    async with served_page(built, actions=True) as url, aiohttp.ClientSession(cookie_jar=jar) as client:

        async def page(path: str) -> str:
            text = ""

            async def known() -> bool:
                nonlocal text
                text = await (await client.get(url + path)).text()
                return "data-waits" not in text

            await eventually(known, f"{path} to be read", 120)
            return text

        ours = {"Origin": url[:-1]}
        overview = await page(place)
        assert "Objects that are held for a person: 2" in overview
        assert "Records in dead batches" not in overview
        assert "More is rejected than is expected" not in overview
        assert "look here" in await page("")
        assert "objects/release" in await page(f"{place}/dead")
        await client.post(f"{url}sign-in", data={"token": TOKEN}, headers=ours)
        listed = await page(f"{place}/dead")
        assert "bad &lt;two&gt;.csv" in listed
        assert "50.0% of the first 40 records rejected" in listed
        ids = re.findall(r'name="object" value="(\w+)"', listed)
        token = re.search(r'name="form_token" value="([^"]+)"', listed)
        assert len(ids) == 2
        assert token is not None

        async def decide(action: str, object_id: str) -> tuple[int, str]:
            form = {"form_token": token[1], "object": object_id}
            answer = await client.post(f"{url}{place}/objects/{action}", data=form, headers=ours)
            return answer.status, await answer.text()

        status, said = await decide("drop", ids[0])
        assert (status, "1 objects: what waited of them is left out" in said) == (200, True)
        status, said = await decide("release", ids[1])
        assert (status, "1 objects released, 1 batches" in said) == (200, True)
        status, said = await decide("release", ids[1])
        assert (status, "are not held" in said) == (409, True)
        assert "held for a person" not in await page(place)
    with sqlite3.connect(built.folder / "held.db") as database:
        found = dict(database.execute("SELECT object_id, state FROM dcp_batches").fetchall())
    database.close()
    assert (found[ids[0]], found[ids[1]]) == ("done", "cut")
    lines = (built.folder / "audit.ndjson").read_text().splitlines()
    assert [line for line in lines if '"action": "drop"' in line]
