"""A password that was rotated is used by the next connection, in a process that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from dcp_pipeline.connect import open_engine, open_redis
from dcp_pipeline.setup import Setup, load_setup
from support.dcp_process import write_spec
from support.mariadb_server import shared_mariadb
from support.redis_server import RunningServer, redis_server

FIRST, SECOND = "first-never-shown", "second-never-shown"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with redis_server() as running:
        yield running


def set_up(folder: Path, **urls: str) -> Setup:
    """A pipeline whose passwords are files, as Kubernetes mounts them."""
    spec = write_spec(folder / "botnet.yaml", "http://127.0.0.1:1/", **urls)  # type: ignore[arg-type]
    if "redis" in urls:
        url = urls["redis"]
        text_ = spec.read_text().replace(
            f'"{url}"', f'"{url}", password: {{secretKeyRef: {{name: sink, key: password}}}}'
        )
        spec.write_text(text_)
    rotate(folder, FIRST)
    return load_setup(spec, {"DCP_SECRETS_DIR": str(folder)})


def rotate(folder: Path, password: str) -> None:
    (folder / "sink").mkdir(exist_ok=True)
    (folder / "sink" / "password").write_text(password)


def test_redis_is_given_the_password_of_the_moment(server: RunningServer, tmp_path: Path) -> None:
    with server.client() as admin:
        admin.acl_setuser("dcp", enabled=True, reset=True, passwords=[f"+{FIRST}"], keys=["*"], categories=["+@all"])
        client = open_redis(set_up(tmp_path, redis=server.url.replace("://", "://dcp@")))
        assert client.acl_whoami() == "dcp"
        admin.acl_setuser(
            "dcp", enabled=True, reset_passwords=True, passwords=[f"+{SECOND}"], keys=["*"], categories=["+@all"]
        )
        rotate(tmp_path, SECOND)
        client.connection_pool.disconnect()
        assert client.acl_whoami() == "dcp"
        rotate(tmp_path, "wrong-never-shown")
        client.connection_pool.disconnect()
        with pytest.raises(redis.AuthenticationError) as refused:
            client.ping()
        assert "never-shown" not in str(refused.value)
        client.close()


def test_redis_without_a_user_in_its_url_is_given_it_too(tmp_path: Path) -> None:
    with redis_server() as server:
        server.client().config_set("requirepass", FIRST)
        client = open_redis(set_up(tmp_path, redis=f"redis://127.0.0.1:{server.port}/0"))
        assert client.ping()
        client.config_set("requirepass", SECOND)
        rotate(tmp_path, SECOND)
        client.connection_pool.disconnect()
        assert client.ping()
        client.close()


def test_the_database_is_given_the_password_of_the_moment(tmp_path: Path) -> None:
    database = shared_mariadb()
    database.execute("CREATE DATABASE IF NOT EXISTS rotated")
    database.execute(f"CREATE OR REPLACE USER 'rotated'@'%' IDENTIFIED BY '{FIRST}'")
    database.execute("GRANT ALL ON rotated.* TO 'rotated'@'%'")
    engine = open_engine(set_up(tmp_path, sink=database.url("rotated", "rotated")))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    database.execute(f"ALTER USER 'rotated'@'%' IDENTIFIED BY '{SECOND}'")
    rotate(tmp_path, SECOND)
    engine.dispose()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT CURRENT_USER()")).scalar() == "rotated@%"
    engine.dispose()
