from __future__ import annotations

import pytest
import redis
from redis.crc import key_slot

from dcp_pipeline.queue import connect
from dcp_pipeline.queue.keys import Keys


def test_all_keys_of_a_queue_and_its_inbox_are_in_one_cluster_slot() -> None:
    keys = Keys("default.botnet")
    names = [*keys.state, keys.inbox, keys.workers, keys.vitals, keys.tasks, keys.job("a}b"), keys.task("t")]
    assert len({key_slot(name.encode()) for name in names}) == 1
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["", "{x}", "a b", "-a", "a\n", "a" * 201])
def test_a_name_that_would_break_the_hash_tag_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="queue name"):
        Keys(name)


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://:s3cret@localhost"])
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="redis://") as refused:
        connect(url)
    assert "s3cret" not in str(refused.value)


def test_tls_and_a_unix_socket_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="unix"):
        connect("unix:///tmp/x.sock", tls={})


def test_tls_settings_make_any_url_a_tls_one() -> None:
    plain = connect("redis://localhost:1/3", "user", "s3cret").connection_pool
    encrypted = connect("redis://localhost:1/3", tls={"ssl_ca_certs": "ca.pem"}).connection_pool
    assert plain.connection_class is redis.Connection
    assert encrypted.connection_class is redis.SSLConnection
    assert encrypted.connection_kwargs["db"] == 3
