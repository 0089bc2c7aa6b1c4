"""The transforms of a field, as people write them: a bare word, or an object with exactly one member.

FILES lists them. A file of this folder has STEPS, the transforms with settings, and may have WORDS, those without; the
worker's clean/transforms/ has a file of the same name that does them. docs/rules.md shows each with an example.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.transforms.listed import Listed, Otherwise

__all__ = ["FILE_OF", "LISTED", "WORDS", "Otherwise", "Step", "Transform"]

FILES = (
    "texts",
    "values",
    "internet",
    "networks",
    "phones",
    "digests",
)

_found = {name: importlib.import_module(f"{__name__}.{name}") for name in FILES}
LISTED: dict[str, Listed] = {name: step for file in _found.values() for name, step in file.STEPS.items()}
WORDS: tuple[str, ...] = (
    *(word for file in _found.values() for word in getattr(file, "WORDS", ())),
    *(name for name, step in LISTED.items() if step.bare),
)
FILE_OF = {word: name for name, file in _found.items() for word in (*getattr(file, "WORDS", ()), *file.STEPS)}
"""Transform, as people write it: the file that has it, here and in the worker."""


class _Members(Part, frozen=True):
    def given(self) -> Iterator[tuple[str, Any]]:
        """The members that are set: their names, as people write them, and settings."""
        for name, attribute in zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True):
            if (value := getattr(self, attribute)) is not None:
                yield name, value


def _attribute(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


if TYPE_CHECKING:
    Word = str

    class Step(_Members, frozen=True):
        """A transform with settings: exactly one member."""
else:
    Word = Literal[WORDS]
    Step = msgspec.defstruct(
        "Step",
        [
            (_attribute(name), Annotated[each.settings | None, Meta(description=each.does)], None)
            for name, each in LISTED.items()
        ],
        bases=(_Members,),
        module=__name__,
        namespace={"__doc__": "A transform with settings: exactly one member."},
        frozen=True,
        kw_only=True,
    )

Transform = Word | Step
