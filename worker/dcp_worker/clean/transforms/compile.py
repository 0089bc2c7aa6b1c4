"""All transforms by name."""

from __future__ import annotations

from collections.abc import Sequence

from dcp_pipeline.spec.transforms import Phone, Step, Transform
from dcp_worker.clean.outside import Outside
from dcp_worker.clean.prepare import without_missing
from dcp_worker.clean.transforms import digests, internet, networks, phones, texts, values
from dcp_worker.clean.transforms.change import Change
from dcp_worker.ground.errors import PlanError


def compiled(transform: Transform, path: str, missing: Sequence[str], outside: Outside) -> Change:
    """The transform; `missing` are the words that stand for a missing value.

    Raises PlanError naming the setting below `path` that cannot be followed, and what `outside` raises.
    """
    if isinstance(transform, str):
        return _word(transform, path)
    return _step(transform, path, missing, outside)


def _word(word: str, path: str) -> Change:
    match word:
        case "ip":
            return networks.address("reject")
        case "isPublicIp":
            return networks.is_public("reject")
        case "email":
            return internet.email("reject")
        case "phone":
            return phones.phone(Phone(), path)
        case _:
            return Change(texts.SIMPLE[word])


def _step(step: Step, path: str, missing: Sequence[str], outside: Outside) -> Change:
    match step:
        case Step(replace=rule) if rule is not None:
            return texts.replace(rule, f"{path}.replace")
        case Step(extract=rule) if rule is not None:
            return texts.extract(rule, f"{path}.extract")
        case Step(split=rule) if rule is not None:
            return texts.split(rule)
        case Step(mask=rule) if rule is not None:
            return texts.mask(rule)
        case Step(truncate=rule) if rule is not None:
            return texts.truncate(rule)
        case Step(map=rule) if rule is not None:
            return values.map_values(rule)
        case Step(lookup=rule) if rule is not None:
            return values.lookup(rule, f"{path}.lookup", outside)
        case Step(default=word) if word is not None:
            return Change(lambda text: without_missing(text, missing).fill_null(word), alone=True)
        case Step(json=rule) if rule is not None:
            return values.json_value(rule, f"{path}.json")
        case Step(hash=rule) if rule is not None:
            return digests.digest(rule)
        case Step(hmac=rule) if rule is not None:
            return digests.keyed_digest(outside.secret(rule.key.secret_key_ref).encode(), f"{path}.hmac")
        case _:
            return _of_the_net(step, path)


def _of_the_net(step: Step, path: str) -> Change:
    match step:
        case Step(url=part) if part is not None:
            return internet.url_part(part)
        case Step(domain=part) if part is not None:
            return internet.domain_part(part)
        case Step(email=rule) if rule is not None:
            return internet.email(rule.otherwise)
        case Step(ip=rule) if rule is not None:
            return networks.address(rule.otherwise)
        case Step(is_public_ip=rule) if rule is not None:
            return networks.is_public(rule.otherwise)
        case Step(cidr=rule) if rule is not None:
            return networks.in_networks(rule)
        case Step(phone=rule) if rule is not None:
            return phones.phone(rule, f"{path}.phone")
    raise PlanError(path, "has no member")
