"""What one rule of the API server is. crd_rules.py has them by place; kinds of sources bring their own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A CEL expression that must hold, and what is said when it does not. `field` is below the rule's place."""

    expression: str
    message: str
    field: str | None = None


def exactly_one(message: str, *members: str) -> Rule:
    """Of these members one must be there."""
    given = ", ".join(f"has(self.{each})" for each in members)
    return Rule(f"[{given}].exists_one(given, given)", message)


TLS = Rule("has(self.cert) == has(self.key)", "cert and key belong together")
