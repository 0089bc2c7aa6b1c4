"""Which settings of a server weaken a commit."""

from __future__ import annotations

import pytest

from dcp_pipeline.database.mysql.durability import weaknesses

DURABLE = {
    "innodb_flush_log_at_trx_commit": "1",
    "innodb_doublewrite": "ON",
    "innodb_flush_method": "O_DIRECT",
    "log_bin": "ON",
    "sync_binlog": "1",
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, []),
        ({"innodb_flush_log_at_trx_commit": "3"}, []),  # MariaDB: as 1, in groups
        ({"innodb_flush_log_at_trx_commit": "0"}, ["innodb_flush_log_at_trx_commit is 0"]),
        ({"innodb_flush_log_at_trx_commit": "2"}, ["innodb_flush_log_at_trx_commit is 2"]),
        ({"innodb_doublewrite": "OFF"}, ["innodb_doublewrite is off"]),
        ({"innodb_doublewrite": "DETECT_AND_RECOVER"}, []),
        ({"innodb_flush_method": "nosync"}, ["innodb_flush_method is nosync"]),
        ({"sync_binlog": "0"}, ["sync_binlog is 0"]),
        ({"sync_binlog": "0", "log_bin": "OFF"}, []),
    ],
)
def test_each_weak_setting_is_named_with_what_to_set(settings: dict[str, str], said: list[str]) -> None:
    warnings = weaknesses(DURABLE | settings)
    assert [warning.partition(":")[0] for warning in warnings] == said
    assert all("set it to" in warning for warning in warnings)


def test_a_server_that_does_not_know_a_setting_is_not_warned_of() -> None:
    assert weaknesses({}) == []
