"""`make screenshots`: the page as it is, into docs/ui/: light, dark, narrow, Chinese. Needs what the tests need."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from dcp_ui.in_cluster import Settings  # noqa: E402
from support.kube_api.server import serving  # noqa: E402
from support.ui_browser import browser, served_cluster, served_page  # noqa: E402
from support.ui_cluster import resource, status  # noqa: E402
from support.ui_stage import stage  # noqa: E402

WIDE, NARROW = (1180, 820), (360, 780)
BOTNET, SENSORS = "p/default/botnet", "p/default/sensors"
SHOTS = (
    ("glance", "", WIDE, "light", "en"),
    ("pipeline", SENSORS, WIDE, "light", "en"),
    ("expected", BOTNET, WIDE, "light", "en"),
    ("pipeline-dark", f"{BOTNET}?range=30d", WIDE, "dark", "en"),
    ("rejects", f"{BOTNET}/rejects", WIDE, "light", "en"),
    ("freshness", f"{BOTNET}/freshness", WIDE, "light", "en"),
    ("scaling", f"{SENSORS}/scaling", WIDE, "light", "en"),
    ("chinese", BOTNET, WIDE, "light", "zh"),
    ("narrow", SENSORS, NARROW, "light", "en"),
)


def main() -> int:
    only = sys.argv[1:]
    folder = ROOT / "docs" / "ui"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dcp-ui-") as scratch, stage(Path(scratch) / "pipelines") as built:
        asyncio.run(_all(built, folder, only))
    return 0


async def _all(built, folder: Path, only: list[str]) -> None:  # type: ignore[no-untyped-def]
    async with served_page(built) as url, browser() as chromium:
        for name, place, *how in SHOTS:
            if not only or name in only:
                await _shoot(chromium, folder / f"{name}.png", f"{url}{place}", *how)
    if only and "cluster" not in only:
        return
    async with serving() as api, served_cluster(api, built.folder, Settings(port=0)) as url, browser() as chromium:
        for each in _of_a_cluster():
            api.put("datacleaningpipelines", each)
        await _shoot(chromium, folder / "cluster.png", f"{url}p/weather/stations", WIDE, "light", "en")


def _of_a_cluster():  # type: ignore[no-untyped-def]
    told = "newDataWithin/files: source files brought its last new records 31 h 4 min ago; 26h is expected"
    yield resource("weather/stations", status(12, Expected=("False", told)))
    yield resource("security/botnet", status())


async def _shoot(chromium, path: Path, url: str, size: tuple[int, int], scheme: str, language: str) -> None:  # type: ignore[no-untyped-def]
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        locale="zh-CN" if language == "zh" else "en",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(url)
    await page.locator("[data-waits]").first.wait_for(state="detached")
    # A palette of 128 colours: a third of the bytes, and no eye sees it in a page of few colours.
    with Image.open(io.BytesIO(await page.screenshot())) as shot:
        shot.convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT, dither=0).save(path, optimize=True)
    print(path.name)
    await context.close()


if __name__ == "__main__":
    sys.exit(main())
