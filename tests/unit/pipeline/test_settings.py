"""The older systems' variables, laid over a spec."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dcp_pipeline.secrets import SecretMissing, SecretStore
from dcp_pipeline.settings import SettingInvalid, with_environment, with_profile
from dcp_pipeline.setup import load_setup
from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.model import SecretKeyRef
from dcp_pipeline.spec.parse import load_pipeline

EXAMPLE = Path(__file__).parents[3] / "examples" / "botnet.yaml"


def applied(**environment: str):
    return with_environment(load_pipeline(EXAMPLE), environment)


def test_the_database_variables_make_the_sink() -> None:
    pipeline, passwords = applied(DB_HOST="db", DB_USERNAME="ro@t", DB_PASSWORD="p", DB_DATABASE="clean")
    assert pipeline.spec.sink.sql.url == "mysql+pymysql://ro%40t@db:3306/clean"
    assert pipeline.spec.sink.sql.table == "botnet"
    assert passwords.sink == "p"


def test_the_redis_variables_make_the_queue() -> None:
    pipeline, passwords = applied(REDIS_HOST="::1", REDIS_PORT="6380", REDIS_DB="2", REDIS_PASSWORD="q")
    assert pipeline.spec.queue.redis.url == "redis://[::1]:6380/2"
    assert passwords.redis == "q"


def test_the_worker_variables_reach_the_spec() -> None:
    pipeline, _ = applied(
        QUEUE_NAME="file-processing", MAX_RETRY_ATTEMPTS="7", TASK_TIMEOUT_MS="1800000", TASK_TTL_SECONDS="604800",
        PROGRESS_UPDATE_INTERVAL_MS="2000", INTERNAL_WORKER_COUNT="4", WORKER_DB_BATCH_SIZE="100",
        WORKER_ENRICHER_CACHE_SIZE="5", WORKER_ENRICHER_CACHE_TTL="60", WORKER_RETRY_DELAY="9",
        WORKER_ENRICHER_CONCURRENT="20",
    )  # fmt: skip
    worker, geoip = pipeline.spec.worker, pipeline.spec.cleaning.enrich[0].geoip
    assert pipeline.queue_name == "file-processing"
    assert (worker.max_attempts, worker.concurrency, worker.retry_delay.seconds) == (7, 4, 9)
    assert (worker.task_timeout.seconds, worker.task_ttl.seconds, worker.progress_interval.seconds) == (1800, 604800, 2)
    assert pipeline.spec.fetcher.batch.max_records == 100
    assert (geoip.cache.size, geoip.cache.ttl.seconds) == (5, 60)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"MAX_RETRY_ATTEMPTS": "many"}, "MAX_RETRY_ATTEMPTS='many'"),
        ({"INTERNAL_WORKER_COUNT": "0"}, "INTERNAL_WORKER_COUNT='0'"),
        ({"DB_HOST": "db", "DB_PORT": "x", "DB_DATABASE": "d"}, "DB_PORT='x' is no port"),
        ({"DB_HOST": "db"}, "DB_DATABASE is not set"),
        ({"REDIS_PORT": "6379"}, "REDIS_HOST is not set"),
        ({"INTERNAL_WORKER_COUNT": "99999"}, "INTERNAL_WORKER_COUNT='99999' cannot be used: Expected `int` <= 64"),
        ({"MAX_RETRY_ATTEMPTS": "9" * 5000}, "MAX_RETRY_ATTEMPTS='999"),
        ({"WORKER_DB_BATCH_SIZE": "1" + "0" * 30}, "WORKER_DB_BATCH_SIZE='1000"),
        ({"WORKER_ENRICHER_CACHE_SIZE": "²"}, "WORKER_ENRICHER_CACHE_SIZE='\\xb2'"),
        ({"WORKER_RETRY_DELAY": "inf"}, "WORKER_RETRY_DELAY='inf'"),
        ({"QUEUE_NAME": "../../x"}, "QUEUE_NAME='../../x'"),
        ({"QUEUE_NAME": "a\x1b[31m"}, "QUEUE_NAME='a\\x1b[31m'"),
        ({"DB_HOST": "db", "DB_PORT": "9" * 5000, "DB_DATABASE": "d"}, "is no port"),
        ({"DB_HOST": "db", "DB_USERNAME": "\udcff", "DB_DATABASE": "d"}, "DB_USERNAME='\\udcff' is no UTF-8"),
        ({"REDIS_HOST": "r", "REDIS_DB": "9" * 5000}, "is no database number"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingInvalid, match=re.escape(message)):
        with_environment(load_pipeline(EXAMPLE), environment)


def test_a_variable_goes_before_a_profile_and_a_flag_before_both(tmp_path: Path) -> None:
    setup = load_setup(EXAMPLE, {"INTERNAL_WORKER_COUNT": "3"}, profile="high", sink=f"sqlite:///{tmp_path}/x.db")
    assert setup.pipeline.spec.worker.concurrency == 3
    assert setup.pipeline.spec.fetcher.batch.max_records == 10_000
    assert setup.sink_url == f"sqlite:///{tmp_path}/x.db"
    assert with_profile(load_pipeline(EXAMPLE), "low").spec.worker.concurrency == 1


def test_a_secret_is_read_from_its_folder_before_its_variable(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "pass.word").write_text("from a file\n")
    ref = SecretKeyRef(name="db", key="pass.word")
    variables = {"DCP_SECRET_DB_PASS_WORD": "from a variable"}
    assert SecretStore({"DCP_SECRETS_DIR": str(tmp_path), **variables})(ref) == "from a file"
    assert SecretStore(variables)(ref) == "from a variable"


def test_a_missing_secret_names_both_places() -> None:
    with pytest.raises(SecretMissing, match=r"secret db, key k: .*DCP_SECRETS_DIR.*DCP_SECRET_DB_K"):
        SecretStore({})(SecretKeyRef(name="db", key="k"))


def test_a_secret_that_was_read_is_redacted() -> None:
    store = SecretStore({"DCP_SECRET_DB_K": "hunter2"})
    store(SecretKeyRef(name="db", key="k"))
    assert store.redact("password=hunter2!") == "password=***!"


def test_a_secret_is_redacted_where_json_has_escaped_it() -> None:
    store = SecretStore({})
    store.remember('pass"word\\1')
    assert store.redact(json.dumps({"message": 'pass"word\\1 is wrong'})) == '{"message": "*** is wrong"}'
    store.remember("pässwörd")
    for ascii_only in (True, False):
        assert store.redact(json.dumps("pässwörd is wrong", ensure_ascii=ascii_only)) == '"*** is wrong"'


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"sink": "copy.db"}, "--sink: is no URL: a file is sqlite:///PATH"),
        ({"sink": "mysql+pymysql://dcp@127.0.0.1"}, "--sink: names no database"),
        ({"redis": "localhost:6379"}, "--redis: "),
    ],
)
def test_a_problem_of_a_flag_is_told_of_the_flag(flags: dict[str, str], says: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        load_setup(EXAMPLE, {}, **flags)
    assert says in str(caught.value)
    assert "spec." not in str(caught.value)


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "-1", "0", "9" * 5000, "²", "1e9"])
@pytest.mark.parametrize("name", ["WORKER_QUEUE_TIMEOUT", "WORKER_GRACE_SECONDS", "LOG_KEEP", "LOG_MAX_BYTES"])
def test_a_number_of_the_process_is_one_that_it_can_live_with(name: str, text: str) -> None:
    if (name, text) in {("LOG_KEEP", "0"), ("LOG_MAX_BYTES", "0")}:
        assert load_setup(EXAMPLE, {name: text})
        return
    with pytest.raises(SettingInvalid, match=name):
        load_setup(EXAMPLE, {name: text})


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\udcff", "x" * 201])
def test_a_worker_s_name_can_be_printed(text: str) -> None:
    with pytest.raises(SettingInvalid, match="WORKER_ID"):
        load_setup(EXAMPLE, {"WORKER_ID": text})
