"""Where messages go: the spec's words as Apprise's URLs; what is refused; what is remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apprise
import msgspec
import pytest

from dcp_cli.notify.letters import Letter
from dcp_cli.notify.memory import FILE, Memory, Told
from dcp_cli.notify.notifier import Notifier
from dcp_cli.notify.services import Service, id_of, service_of
from dcp_cli.notify.telling import Entry
from dcp_pipeline.errors import Unusable
from dcp_pipeline.ledger.looking.arrivals import Arrivals
from dcp_pipeline.ledger.looking.sight import Sight
from dcp_pipeline.observe.lookout import Looked
from dcp_pipeline.secrets import SecretStore
from dcp_pipeline.setup import load_setup
from dcp_pipeline.spec.expectations.notify import Notify, notify_problems
from dcp_pipeline.spec.units import decode_unit

PASSWORD = "p@ss/word:1 +&"
SECRETS = SecretStore(
    {"DCP_SECRET_MAIL_PASSWORD": PASSWORD, "DCP_SECRET_HOOK_URL": "https://u:p@hook.example/T0/B1?k=v w"}
)
EMAIL: dict[str, Any] = {"to": ["a@example.org", "b@example.org"], "smtp": {"host": "mail.example.org"}}


def notify(**words: Any) -> Notify:
    return msgspec.convert(words, Notify, dec_hook=decode_unit)


def by_apprise(url: str) -> Any:
    found = apprise.Apprise.instantiate(url)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("smtp", "port", "mode", "secure"),
    [
        ({}, 587, "starttls", True),
        ({"security": "tls"}, 465, "ssl", True),
        ({"security": "none", "port": 2525}, 2525, "insecure", False),
    ],
)
def test_a_letter_goes_to_its_people_through_its_server(
    smtp: dict[str, Any], port: int, mode: str, secure: bool
) -> None:
    login = {"username": "me@x", "password": {"secretKeyRef": {"name": "mail", "key": "password"}}}
    wanted = notify(email={**EMAIL, "from": "dcp@example.org", "smtp": {**EMAIL["smtp"], **smtp, **login}})
    found = by_apprise(service_of(wanted, SECRETS).url)
    assert (found.smtp_host, found.port, found.secure_mode, found.secure) == ("mail.example.org", port, mode, secure)
    assert [address for _, address in found.targets] == ["a@example.org", "b@example.org"]
    assert (found.user, found.password, found.from_addr[1]) == ("me@x", PASSWORD, "dcp@example.org")


def test_a_webhook_keeps_its_path_and_query() -> None:
    found = by_apprise(service_of(notify(webhook={"secretKeyRef": {"name": "hook", "key": "url"}}), SECRETS).url)
    assert (found.secure, found.host, found.fullpath, found.user, found.password) == (
        True,
        "hook.example",
        "/T0/B1",
        "u",
        "p",
    )
    assert found.params == {"k": "v w"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({}, "none of email, webhook and service"),
        ({"email": EMAIL, "webhook": {"url": "http://x/"}}, "both email and webhook"),
        ({"webhook": {}}, "exactly one of url and secretKeyRef"),
        ({"webhook": {"url": "ftp://x/"}}, "neither http:// nor https://"),
        ({"webhook": {"url": "https://u:p@x/"}}, "put the URL into a Secret"),
        ({"webhook": {"url": "http://x/"}, "again": "59s"}, "at least 1m"),
        (
            {"email": {**EMAIL, "smtp": {"host": "h", "password": {"secretKeyRef": {"name": "a", "key": "b"}}}}},
            "is missing beside",
        ),
        ({"email": EMAIL, "on": ["stale"]}, None),
    ],
)
def test_what_cannot_tell_anybody_is_refused(words: dict[str, Any], problem: str | None) -> None:
    found = [each.message for each in notify_problems([notify(**words)])]
    assert [problem in each for each in found] == ([True] if problem else [])


def test_a_secret_that_is_no_url_is_refused_without_being_told() -> None:
    secrets = SecretStore({"DCP_SECRET_HOOK_URL": "hunter2secret"})
    with pytest.raises(Unusable) as caught:
        service_of(notify(webhook={"secretKeyRef": {"name": "hook", "key": "url"}}), secrets)
    assert "hunter2secret" not in str(caught.value)


def test_no_part_of_a_url_is_told() -> None:
    service = Service("s", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?pw=a%2Fbcdef&x=1")
    said = "POST https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ: a/bcdef 404 bcdef"
    assert not [each for each in ("T1JJ3T3L2", "A1BRTD4JD", "TIiaj", "bcdef") if each in service.redact(said)]
    assert "404" in service.redact(said)


def test_of_a_mail_only_the_password_is_hidden() -> None:
    login = {"username": "dcp", "password": {"secretKeyRef": {"name": "mail", "key": "password"}}}
    service = service_of(notify(email={**EMAIL, "smtp": {**EMAIL["smtp"], **login}}), SECRETS)
    said = f"mail.example.org:587 refused dcp with {PASSWORD}, {PASSWORD.replace('@', '%40').replace('/', '%2F')}"
    assert service.redact(f"no text of {PASSWORD} at mail.example.org") == "no text of *** at mail.example.org"
    assert PASSWORD not in service.redact(said)
    assert (
        service_of(notify(webhook={"url": "http://in.example/hook"}), SECRETS).redact("in.example: 404")
        == "in.example: 404"
    )


def test_what_was_told_outlives_a_restart_and_a_torn_file_is_no_end(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "new")
    assert memory.of("a") == Told()
    told = {"a": Told({"dead": Entry("dead", "x", 1.0, 2.0, 3)}, 2, 9.0)}
    memory.keep(told)
    assert Memory(tmp_path / "new").of("a") == told["a"]
    (tmp_path / "new" / FILE).write_text('{"a": {"known": {"dead"')
    assert Memory(tmp_path / "new").of("a") == Told()


def test_a_service_is_remembered_by_its_words() -> None:
    assert id_of(notify(email=EMAIL)) == id_of(notify(email=EMAIL))
    assert id_of(notify(email=EMAIL)) != id_of(notify(email=EMAIL, again="2h"))


class Sent:
    """Takes messages; `fails` are refused."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, Letter]] = []
        self.fails: set[str] = set()

    def __call__(self, letters: Any) -> list[str | None]:
        self.letters += [(service.name, letter) for service, letter in letters]
        return ["refused" if service.name in self.fails else None for service, _ in letters]

    def taken(self) -> list[str]:
        found, self.letters = [name for name, _ in self.letters], []
        return found


def test_who_cannot_be_reached_is_tried_again_later_and_later_and_the_others_are_told(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "apiVersion: datacleaning.io/v1beta1\nkind: DataCleaningPipeline\nmetadata: {name: a}\nspec:\n"
        "  sources: [{name: s, file: {path: /x, growth: append}}]\n  cleaning: {fields: [{name: id}]}\n"
        "  notify:\n    - webhook: {url: http://one.example/}\n    - webhook: {url: http://two.example/}\n"
    )
    setup = load_setup(spec, {"DCP_STATE_DIR": str(tmp_path / "state")})
    sent, now = Sent(), [0.0]

    def notifier() -> Notifier:
        return Notifier(setup, "spec.yaml", sent, lambda: now[0])

    seen = Looked(0.0, Sight(came=Arrivals(None, None, {}, 0), dead_batches=1, dead_records=2))  # type: ignore[arg-type]
    sent.fails = {"webhook one.example"}
    assert notifier().round(seen) == ["webhook one.example: refused"]
    assert sent.taken() == ["webhook one.example", "webhook two.example"]
    tried = []
    for minute in range(1, 200):
        now[0] = 60.0 * minute
        notifier().round(seen)
        tried += [minute] * len(sent.taken())
    assert tried[:6] == [1, 3, 7, 15, 31, 63]
    assert tried[6:] == [123, 183]
    sent.fails = set()
    now[0] = 60.0 * 300
    assert notifier().round(seen) == []
    assert sent.taken() == ["webhook one.example"]
    well = Looked(0.0, Sight(came=Arrivals(None, None, {}, 0)))  # type: ignore[arg-type]
    notifier().round(well)
    assert sent.taken() == ["webhook one.example", "webhook two.example"]
