"""docs/older-systems.md: the older systems' `.env` beside a spec, and a producer that pushes as it did."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pymysql

from support.dcp_process import dcp
from support.fleet import write_pipeline
from support.mariadb_server import shared_mariadb
from support.redis_server import redis_server


def test_the_old_environment_and_the_old_producer_work_as_they_are(tmp_path: Path) -> None:
    server = shared_mariadb()
    database = urlsplit(server.create_database("older"))
    spec = write_pipeline(tmp_path / "specs", "one", rows=3)
    upload = tmp_path / "specs" / "feed-one" / "later"
    upload.mkdir()
    (upload / "upload.csv").write_text("n\n50\n2\nx\n")
    with redis_server() as queue:
        redis = urlsplit(queue.url)
        (spec.parent / ".env").write_text(
            f"# Database\nDB_HOST={database.hostname}\nDB_PORT={database.port}\nDB_USERNAME={database.username}\n"
            f"DB_PASSWORD={server.password}\nDB_DATABASE={database.path.strip('/')}\n\n# Redis\nREDIS_HOST={redis.hostname}\n"
            f"REDIS_PORT={redis.port}\nREDIS_PASSWORD=\nREDIS_DB=0\n\nQUEUE_NAME=file-processing\nMAX_RETRY_ATTEMPTS=3\n"
            "TASK_TIMEOUT_MS=1800000\nTASK_TTL_SECONDS=604800\nPROGRESS_UPDATE_INTERVAL_MS=2000\nWORKER_ID=1\nNODE_ENV=production\n"
        )
        task = {"url": f"file://{upload / 'upload.csv'}", "priority": 5, "id": "upload-17"}
        queue.client().lpush("file-processing", json.dumps(task))
        code, run = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
        assert code == 0, run.err()
        books = run.answer()
        assert queue.client().llen("file-processing") == 0
        code, listed = dcp(tmp_path, "queue", str(spec), "-o", "json")
    assert code == 0
    (told,) = listed.answer()["tasks"]
    assert (told["state"], told.get("id", "upload-17")) == ("done", "upload-17")
    assert {name: books[name] for name in ("read", "written", "duplicates", "rejected")} == {
        "read": 6,
        "written": 4,
        "duplicates": 1,
        "rejected": 1,
    }
    with (
        pymysql.connect(
            host=database.hostname,
            port=database.port or 3306,
            user=database.username,
            password=server.password,
            database=database.path.strip("/"),
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT n FROM one ORDER BY n")
        assert [row[0] for row in cursor.fetchall()] == [0, 1, 2, 50]
    assert server.password not in run.out() + run.err() + listed.out()
