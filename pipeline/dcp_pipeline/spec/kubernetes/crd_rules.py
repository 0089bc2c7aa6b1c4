"""What the API server checks beyond types: CEL rules by place in the spec. checks.py says the same to the parser.

Every rule costs by the longest value that its fields may have; hence maxItems and maxLength throughout the model.
`oldSelf` makes a rule a transition rule: it is about changes only.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcp_pipeline.dialects import all_facts
from dcp_pipeline.spec.enrichments import KINDS as ENRICHMENTS
from dcp_pipeline.spec.formats import KINDS
from dcp_pipeline.spec.kubernetes.rule import TLS, Rule, exactly_one
from dcp_pipeline.spec.sources import KINDS as SOURCES


def _kept(value: str, message: str, field: str) -> Rule:
    """`value` is an expression over `self` that must not change."""
    return Rule(f"{value} == {value.replace('self', 'oldSelf')}", message, field)


_REPLACES = " || ".join(f"(has(s.{each}) && s.{each}.growth == 'replace')" for each in SOURCES)
_QUEUE_NAME = "(has(self.queue) && has(self.queue.name) ? self.queue.name : '')"
_IS_FILE = " || ".join(f"self.url.startsWith('{each.schemes}')" for each in all_facts() if each.is_file)
_DATABASE = f"({_IS_FILE} || self.url.split('/').size() < 4 ? self.url : self.url.split('/')[3].split('?')[0])"
_NO_CREDENTIALS = "the URL must not hold the password: put it into a Secret and name that in password.secretKeyRef"
_DELIMITED = [name for name, kind in KINDS.items() if "delimiter" in kind.takes]

RULES: Mapping[str, tuple[Rule, ...]] = {
    "": (
        Rule(
            f"!self.sources.exists(s, {_REPLACES}) || (has(self.cleaning.unique) && self.cleaning.unique.size() > 0)",
            "growth is 'replace' (the default), by which a changed file is read again whole: "
            "spec.cleaning.unique must say what makes a record the same, or growth be 'append'",
        ),
        _kept(_QUEUE_NAME, "spec.queue.name is immutable: batches in motion would be left behind", ".queue"),
        Rule("!has(oldSelf.sink) || has(self.sink)", "spec.sink cannot be taken away: the ledger lives there"),
    ),
    "sources[]": (
        exactly_one(f"exactly one of {' and '.join(SOURCES)} is wanted", *SOURCES),
        Rule(
            f"!has(self.format) || self.format.type in {_DELIMITED} || !has(self.format.delimiter)",
            f"only {' and '.join(_DELIMITED)} have a delimiter",
            ".format",
        ),
        *(
            Rule(
                f"!has(self.format) || self.format.type != '{name}' || has(self.format.{word})",
                f"{name} needs {called}",
                ".format",
            )
            for name, kind in KINDS.items()
            for word, called in kind.needs.items()
        ),
    ),
    **{f"sources[].{name}{place}": rules for name, kind in SOURCES.items() for place, rules in kind.rules.items()},
    "queue.redis": (
        Rule("!self.url.matches('^rediss?([+][a-z]+)?://[^/]*:[^/]*@')", _NO_CREDENTIALS, ".url"),
        Rule(
            "!has(self.sentinel) || self.url.matches('^rediss?[+]sentinel://')",
            "sentinel is set, but the URL names no Sentinels (redis+sentinel://)",
            ".sentinel",
        ),
    ),
    "queue.redis.tls": (TLS,),
    "cleaning": (
        Rule(
            "!has(self.unique) || self.unique.all(name, self.fields.exists(f, f.name == name))",
            "unique names something that is no field",
            ".unique",
        ),
    ),
    "cleaning.filter[]": (exactly_one("exactly one of drop and keep is wanted", "drop", "keep"),),
    "cleaning.fields[].compute": (
        exactly_one("exactly one of field, join and coalesce is wanted", "field", "join", "coalesce"),
    ),
    "cleaning.fields[].constraints": (
        Rule(
            "!has(self.minLength) || !has(self.maxLength) || self.minLength <= self.maxLength",
            "minLength is above maxLength",
        ),
    ),
    "cleaning.enrich[]": (
        Rule(
            " || ".join(f"has(self.{each})" for each in ENRICHMENTS),
            f"has no member; {' or '.join(ENRICHMENTS)} is wanted",
        ),
    ),
    **{
        f"cleaning.enrich[].{name}{place}": rules
        for name, kind in ENRICHMENTS.items()
        for place, rules in kind.rules.items()
    },
    "sink": (
        Rule("has(self.sql)", "has no member; sql is wanted"),
        Rule("!has(oldSelf.sql) || has(self.sql)", "spec.sink.sql cannot be taken away: the ledger lives there"),
    ),
    "sink.sql": (
        Rule("!self.url.matches('^[a-z+]+://[^/]*:[^/]*@')", _NO_CREDENTIALS, ".url"),
        Rule(
            f"{_IS_FILE} || self.url.matches('^[a-z+]+://[^/]+/[^/?]+')",
            "the URL names no database (mysql+pymysql://USER@HOST/DATABASE)",
            ".url",
        ),
        Rule("!self.table.matches('^(?i)dcp_')", "starts with dcp_, which is the ledger's prefix", ".table"),
        _kept(_DATABASE, "the database is immutable: rows and ledger live there; make another pipeline", ".url"),
        _kept("self.table", "the table is immutable: make another pipeline", ".table"),
    ),
    "sink.sql.tls": (TLS,),
    "scaling": (
        Rule("self.minReplicas <= self.maxReplicas", "minReplicas is above maxReplicas", ".minReplicas"),
        Rule(
            "!has(self.drainWithin) || !has(self.backlogPerWorker)",
            "at most one of drainWithin and backlogPerWorker is wanted",
        ),
        Rule(
            "self.engine != 'keda' || !has(self.drainWithin)",
            "drainWithin is not for engine keda, which knows no rates: use backlogPerWorker",
            ".drainWithin",
        ),
    ),
}
