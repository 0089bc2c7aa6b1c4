"""How much to try: `--inputs N` for each test, 100 where nothing is said. `--hypothesis-seed` says which.

The last line says how many cases were tried, and how many a minute.
"""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, settings


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--inputs", type=int, default=100, help="inputs for each test")


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile(
        "fuzz",
        max_examples=config.getoption("--inputs"),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
    settings.load_profile("fuzz")
    config.pluginmanager.register(Rate())


class Rate:
    """Counts the cases of a session."""

    def __init__(self) -> None:
        self._begun, self._cases = time.monotonic(), 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """What hypothesis says of a test that is over goes with its report, from other processes too."""
        said = getattr(item, "hypothesis_statistics", None) or ""
        if call.when == "call":
            count = sum(int(each) for each in re.findall(r"(\d+) (?:passing|failing|invalid)\b", said))
            item.user_properties.append(("cases", count))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add it up."""
        if report.when == "call":
            self._cases += sum(int(str(value)) for name, value in report.user_properties if name == "cases")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line at the end."""
        if not self._cases:
            return
        minutes = (time.monotonic() - self._begun) / 60
        terminalreporter.write_line(f"fuzz: {self._cases:,} cases, {self._cases / minutes:,.0f} a minute")
