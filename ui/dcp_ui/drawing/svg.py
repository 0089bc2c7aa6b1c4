"""Elements of SVG. What is put into one is escaped, so that no text from outside becomes markup.

No style attributes: the page's Content-Security-Policy allows none. Colours are classes, which dark and light name.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from dcp_pipeline.observe.printable import printable

Attribute = str | int | float | None


def tag(name: str, /, *children: str, **attributes: Attribute) -> Markup:
    """An element. `class_` is class, `text_anchor` is text-anchor; None leaves an attribute out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_figure(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    # The names are ours. Put together as text, for a page has hundreds: Markup's own join takes four times as long.
    return Markup(f"<{name}{written}>{''.join(escape(each) for each in children)}</{name}>")  # noqa: S704


def text(content: str, x: float, y: float, class_: str = "", **attributes: Attribute) -> Markup:
    """A line of text."""
    return tag("text", escape(printable(content)), x=x, y=y, class_=class_ or None, **attributes)


def title(content: str) -> Markup:
    """What a pointer that rests on the element above is told."""
    return tag("title", escape(printable(content)))


def picture(width: float, height: float, said: str, *children: str, class_: str = "") -> Markup:
    """A whole picture; `said` is what it tells those who cannot see it."""
    return tag(
        "svg",
        *children,
        viewBox=f"0 0 {_figure(width)} {_figure(height)}",
        role="img",
        aria_label=said,
        class_=class_ or None,
        preserveAspectRatio="xMidYMid meet",
    )


def clipped(content: str, characters: int) -> str:
    """A text that fits; wide characters count twice."""
    room = characters
    for position, character in enumerate(content):
        room -= 2 if ord(character) > 0x2E7F else 1
        if room < 0:
            return content[: max(position - 1, 0)] + "…"
    return content


def _figure(value: Attribute) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value) if isinstance(value, int) else printable(str(value))
