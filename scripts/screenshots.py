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

from support.ui_browser import browser, served_page  # noqa: E402
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
        for name, place, (width, height), scheme, language in SHOTS:
            if only and name not in only:
                continue
            context = await chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                locale="zh-CN" if language == "zh" else "en",
                reduced_motion="reduce",
            )
            page = await context.new_page()
            await page.goto(f"{url}{place}")
            await page.locator("[data-waits]").first.wait_for(state="detached")
            path = folder / f"{name}.png"
            # A palette of 128 colours: a third of the bytes, and no eye sees it in a page of few colours.
            with Image.open(io.BytesIO(await page.screenshot())) as shot:
                shot.convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT, dither=0).save(path, optimize=True)
            print(f"{path.name} {path.stat().st_size / 1024:.0f} KiB")
            await context.close()


if __name__ == "__main__":
    sys.exit(main())
