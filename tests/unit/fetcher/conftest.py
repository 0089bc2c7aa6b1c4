from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-cut", action="store_true", help="cut half-written files at every byte")
