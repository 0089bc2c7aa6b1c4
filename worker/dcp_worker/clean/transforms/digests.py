"""Hashes of values, with and without a key: lower-case hexadecimal, of the UTF-8 bytes."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from polars_hash import CryptographicHashingNameSpace as Strong
from polars_hash import NonCryptographicHashingNameSpace as Weak

from dcp_pipeline.spec.transforms.digests import Digest, KeyedDigest
from dcp_worker.clean.transforms.change import Apply, At, Change, Compiled, each_distinct
from dcp_worker.ground.errors import PlanError

_ALGORITHMS: Mapping[str, Apply] = {
    "sha256": lambda text: Strong(text).sha2_256(),
    "sha512": lambda text: Strong(text).sha2_512(),
    "sha3-256": lambda text: Strong(text).sha3_256(),
    "blake3": lambda text: Strong(text).blake3(),
    "sha1": lambda text: Weak(text).sha1(),
    "md5": lambda text: Weak(text).md5(),
}


def digest(rule: Digest, at: At) -> Change:
    return Change(_ALGORITHMS[rule.algorithm])


def keyed_digest(rule: KeyedDigest, at: At) -> Change:
    """In Python, once per distinct value: in an expression the key would stand in its text, and so in errors.

    Raises PlanError for an empty key.
    """
    key = at.outside.secret(rule.key.secret_key_ref).encode()
    if not key:
        raise PlanError(f"{at.path}.key", "the Secret's value is empty, which would be no key")
    return Change(each_distinct(lambda text: hmac.digest(key, text.encode(), "sha256").hex()))


COMPILED: Compiled = {"hash": digest, "hmac": keyed_digest}
