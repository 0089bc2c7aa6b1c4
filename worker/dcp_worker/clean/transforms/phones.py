"""Telephone numbers in one spelling, by Google's libphonenumber as the package `phonenumbers` has it."""

from __future__ import annotations

from dcp_pipeline.spec.transforms.phones import Phone
from dcp_worker.clean.transforms.change import At, Change, Compiled, each_distinct
from dcp_worker.ground.errors import PlanError


def phone(rule: Phone, at: At) -> Change:
    """Raises PlanError for a country that has no telephone numbers.

    phonenumbers is imported here, for its import takes a while that other specs need not wait for.
    """
    import phonenumbers

    if rule.country is not None and rule.country not in phonenumbers.SUPPORTED_REGIONS:
        raise PlanError(
            f"{at.path}.country", f"{rule.country!r} is no country with telephone numbers (DE, FR, US, ...)"
        )
    spelling = {
        "e164": phonenumbers.PhoneNumberFormat.E164,
        "international": phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        "national": phonenumbers.PhoneNumberFormat.NATIONAL,
        "rfc3966": phonenumbers.PhoneNumberFormat.RFC3966,
    }[rule.format]

    def spelled(text: str) -> str | None:
        try:
            number = phonenumbers.parse(text, rule.country)
        except phonenumbers.NumberParseException:
            return None
        return phonenumbers.format_number(number, spelling) if phonenumbers.is_valid_number(number) else None

    country = f" of {rule.country}" if rule.country else " with its country's prefix"
    return Change(each_distinct(spelled), rule.otherwise, f"is not a telephone number{country}")


COMPILED: Compiled = {"phone": phone}
