"""What a spec's URL says of where the queue is."""

from __future__ import annotations

import pytest

from dcp_pipeline.redis_url import Node, RedisUrl, holds_password, redis_url, shown
from dcp_pipeline.settings import SettingInvalid, with_environment, with_redis_url
from dcp_pipeline.spec.errors import SpecInvalid
from support.pipelines import pipeline

READ = {
    "redis://redis": RedisUrl("server", False, (Node("redis", 6379),)),
    "rediss://dcp@redis.db.svc:7000/3": RedisUrl("server", True, (Node("redis.db.svc", 7000),), "dcp", 3),
    "unix:///run/redis.sock": RedisUrl("socket", False, ()),
    "redis+sentinel://s1,s2:5/mymaster": RedisUrl(
        "sentinel", False, (Node("s1", 26379), Node("s2", 5)), master="mymaster"
    ),
    "rediss+sentinel://dcp%40x@[::1]:26379/my-master.1/2": RedisUrl(
        "sentinel", True, (Node("::1", 26379),), "dcp@x", 2, "my-master.1"
    ),
    "redis+cluster://c1,c2:7001,[fd00::1]": RedisUrl(
        "cluster", False, (Node("c1", 6379), Node("c2", 7001), Node("fd00::1", 6379))
    ),
    "rediss+cluster://dcp@c1/0": RedisUrl("cluster", True, (Node("c1", 6379),), "dcp"),
}


@pytest.mark.parametrize(("url", "found"), READ.items(), ids=list(READ))
def test_a_url_is_taken_apart(url: str, found: RedisUrl) -> None:
    assert redis_url(url) == found


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+sentinel://s1,s2", "which master"),
        ("redis+sentinel://s1/my master", "which master"),
        ("redis+sentinel://s1/m/0/1", "which master"),
        ("redis+sentinel://s1/m/x", "database"),
        ("redis+sentinel://s1,,s2/m", "no host"),
        ("redis+sentinel://s1:99999/m", "port"),
        ("redis+sentinel://s1:0/m", "port"),
        ("redis+sentinel://:secret@s1/m", "password"),
        ("redis+sentinel://s1/m?socket_timeout=86400", "options"),
        ("redis+cluster://a@b@c1", "holds an @"),
        ("redis+cluster:///", "no host"),
        ("redis+cluster://c1/1", "none but 0"),
        ("redis+cluster://" + ",".join(f"c{n}" for n in range(40)), "more than 32"),
        ("redis+cluster://[bad", "no URL"),
        ("redis://redis:99999", "no URL"),
        ("redis://redis/x", "database"),
    ],
)
def test_what_leads_nowhere_is_said(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        redis_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "for_people"),
    [
        ("redis://dcp:secret@h:1/0?a=secret", "redis://dcp@h:1/0"),
        ("redis+sentinel://:secret@h,i/m/0", "redis+sentinel://h,i/m/0"),
        ("redis+cluster://dcp@h,i", "redis+cluster://dcp@h,i"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_people_see_no_password(url: str, for_people: str) -> None:
    assert shown(url) == for_people
    assert holds_password(url) == ("secret" in url)


@pytest.mark.parametrize(
    ("redis", "path", "word"),
    [
        ({"url": "redis+sentinel://s1,s2"}, "spec.queue.redis.url", "which master"),
        ({"url": "redis+cluster://:secret@c1"}, "spec.queue.redis.url", "holds a password"),
        ({"url": "redis://r", "sentinel": {"username": "dcp"}}, "spec.queue.redis.sentinel", "no Sentinels"),
        ({"url": "redis+cluster://c", "sentinel": {}}, "spec.queue.redis.sentinel", "no Sentinels"),
    ],
)
def test_a_spec_that_says_less_or_too_much_is_refused(redis: dict[str, object], path: str, word: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        pipeline({"queue": {"redis": redis}})
    (problem,) = caught.value.problems
    assert (problem.path, word in problem.message, "secret" in problem.message) == (path, True, False)


SENTINELS = {"queue": {"redis": {"url": "redis+sentinel://s1,s2/m", "sentinel": {"username": "watcher"}}}}


def test_one_server_by_flag_or_environment_stands_above_the_sentinels() -> None:
    flag = with_redis_url(pipeline(SENTINELS), "redis://127.0.0.1/0").spec.queue.redis
    assert flag is not None
    assert (flag.url, flag.sentinel) == ("redis://127.0.0.1/0", None)
    given = with_environment(pipeline(SENTINELS), {"REDIS_HOST": "here"})[0].spec.queue.redis
    assert given is not None
    assert (given.url, given.sentinel) == ("redis://here:6379/0", None)


def test_a_port_alone_is_not_laid_over_sentinels() -> None:
    with pytest.raises(SettingInvalid, match="REDIS_HOST"):
        with_environment(pipeline(SENTINELS), {"REDIS_PORT": "7000"})
