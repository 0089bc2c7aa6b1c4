"""When a failed job is tried again: exponential backoff with full jitter, a pure function."""

from __future__ import annotations

import random

import msgspec


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how soon. A job is dead at its max_attempts-th failure or its max_crashes-th lost worker."""

    max_attempts: int = 3
    max_crashes: int = 3
    base_delay_seconds: float = 5
    max_delay_seconds: float = 300

    def __post_init__(self) -> None:
        if self.max_attempts < 1 or self.max_crashes < 1:
            raise ValueError(f"max_attempts and max_crashes are at least 1: {self}")
        if self.base_delay_seconds < 0 or self.max_delay_seconds < 0:
            raise ValueError(f"delays are not negative: {self}")


def backoff_seconds(policy: RetryPolicy, failures: int, rng: random.Random) -> float:
    """Seconds to wait after the failures-th failure (1 is the first): uniform in [0, min(max, base * 2^(n-1))].

    Full jitter, from "Exponential Backoff and Jitter" of the AWS Architecture Blog.
    """
    doublings = min(max(failures, 1) - 1, 64)
    return rng.uniform(0, min(policy.max_delay_seconds, policy.base_delay_seconds * 2.0**doublings))
