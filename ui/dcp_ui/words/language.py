"""Which language, and its words and figures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dcp_ui.words.chinese import CHINESE

LANGUAGES = {"en": "English", "zh": "中文"}

_UNITS = {
    "en": ((1e9, 1e9, " bn"), (1e6, 1e6, " M"), (1e4, 1e3, " k")),
    "zh": ((1e8, 1e8, " 亿"), (1e5, 1e4, " 万")),
}


def chosen(cookie: str | None, accepted: str) -> str:
    """The language of the switch, else the first known one of Accept-Language by its weights, else English."""
    if cookie in LANGUAGES:
        return str(cookie)
    weighted = []
    for place, part in enumerate(accepted.split(",")[:20]):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        weighted.append((-weight, place, tag.lower().partition("-")[0]))
    return next((tag for weight, _, tag in sorted(weighted) if tag in LANGUAGES and weight < 0), "en")


class Words:
    """Text and figures in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.tag = "zh-CN" if language == "zh" else "en"

    def __call__(self, text: str, **values: Any) -> str:
        """The text in this language, its {names} filled in."""
        said = CHINESE.get(text, text) if self.language == "zh" else text
        shown = {name: f"{each:,}" if isinstance(each, int) else each for name, each in values.items()}
        return said.format(**shown) if values else said

    def number(self, value: int | float) -> str:
        """All digits."""
        return f"{value:,.0f}"

    def short(self, value: float) -> str:
        """Three digits: 12345 is 12.3 k."""
        for least, size, unit in _UNITS[self.language]:
            if abs(value) >= least:
                number = value / size
                return f"{number:.3g}{unit}" if abs(number) < 1000 else f"{number:,.0f}{unit}"
        return f"{value:,.0f}"

    def size(self, count: float) -> str:
        """Bytes."""
        for unit in ("B", "KiB", "MiB", "GiB"):
            if count < 1024:
                return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
            count /= 1024
        return f"{count:,.1f} TiB"

    def age(self, seconds: float) -> str:
        """How long ago."""
        if seconds < 1:
            return self("just now")
        return self("{age} ago", age=self.span(seconds))

    def span(self, seconds: float) -> str:
        """A length of time, in its greatest unit."""
        for size, text in ((86400, "{n} d"), (3600, "{n} h"), (60, "{n} min")):
            if seconds >= size:
                return self(text, n=int(seconds // size))
        return self("{n} s", n=int(seconds))

    def moment(self, when: datetime | None) -> str:
        """A time in UTC."""
        return f"{when:%Y-%m-%d %H:%M:%S}" if when else "–"

    def share(self, part: float, whole: float) -> str:
        """In percent, and never 0 % of something."""
        if not whole or not part:
            return "0 %"
        percent = 100 * part / whole
        return "< 0.1 %" if percent < 0.1 else f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"
