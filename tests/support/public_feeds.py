"""Layouts of public feeds, written from memory with addresses of documentation networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

RULE = "#" * 64


@dataclass(frozen=True)
class Feed:
    """A file, and what is to be found out about it."""

    raw: bytes
    words: dict[str, Any]
    types: dict[str, str]
    records: int
    formats: dict[str, str] = field(default_factory=dict)


def lines(*rows: str, encoding: str = "utf-8", end: str = "\n") -> bytes:
    return (end.join(rows) + end).encode(encoding)


FEEDS: dict[str, Feed] = {
    "urlhaus": Feed(
        lines(
            RULE, "# abuse.ch URLhaus Database Dump (CSV - recent URLs only)      #", "# Terms, of use: https://x #", RULE,
            "#", "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter",
            *(f'"{n}","2024-02-01 10:0{n}:00","http://198.51.100.{n}/a,b.sh","online","","malware_download",'
              f'"elf,mirai","https://x/url/{n}/","me"' for n in range(1, 10)),
            end="\r\n",
        ),
        {"type": "csv", "commentChar": "#", "commentedHeader": True},
        {"id": "integer", "dateadded": "datetime", "url": "string", "last_online": "string"}, 9,
    ),
    "feodo": Feed(
        lines(
            RULE, "# Feodo Tracker Botnet C2 IP Blocklist #", RULE, "#",
            '"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"',
            '"2022-06-04 21:24:53","192.0.2.10","8080","online","2024-02-01","Emotet"',
            '"2022-06-05 21:24:53","192.0.2.11","443","offline","2024-01-31","QakBot"', "# END 2 entries",
        ),
        {"type": "csv", "commentChar": "#"},
        {"first_seen_utc": "datetime", "dst_ip": "ip", "dst_port": "integer", "last_online": "date"}, 2,
    ),
    "threatfox": Feed(
        lines(
            "# ThreatFox", '# "first_seen_utc", "ioc_id", "ioc_value", "port"',
            *(f'"2024-02-01 10:00:0{n}", "{n}", "192.0.2.{n}:80", "{n}"' for n in range(1, 8)), "# Number of entries: 7",
        ),
        {"type": "csv", "commentChar": "#", "commentedHeader": True, "skipInitialSpace": True},
        {"first_seen_utc": "datetime", "ioc_id": "integer", "ioc_value": "string"}, 7,
    ),
    "spamhaus drop": Feed(
        lines("; Spamhaus DROP List 2024/02/01 - (c) 2024", "; Expires: soon", "192.0.2.0/24 ; SBL1", "198.51.100.0/24 ; SBL2"),
        {"type": "csv", "delimiter": ";", "commentChar": ";", "header": False, "skipInitialSpace": True},
        {"col1": "string", "col2": "string"}, 2,
    ),
    "shadowserver": Feed(
        lines(
            '"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","naics"',
            *(f'"2024-02-01 00:00:0{n}","high","192.0.2.{n}","tcp",{n},,"botnet;x",64500,"DE",518210' for n in range(1, 9)),
        ),
        {"type": "csv"},
        {"timestamp": "datetime", "ip": "ip", "port": "integer", "asn": "integer", "hostname": "string"}, 8,
    ),
    "blocklist.de": Feed(
        lines("192.0.2.1", "2001:db8::1", "198.51.100.7", "203.0.113.5"), {"type": "csv", "header": False}, {"col1": "ip"}, 4,
    ),
    "dshield": Feed(
        lines(
            "# DShield.org Recommended Block List", "# (c) 2024", "#", "Start\tEnd\tNetmask\tAttacks\tName\tCountry\temail",
            "192.0.2.0\t192.0.2.255\t24\t1782\tEXAMPLE\tUS\tabuse@example.net",
            "198.51.100.0\t198.51.100.255\t24\t1590\t\tCN\t-",
        ),
        {"type": "tsv", "commentChar": "#"},
        {"start": "ip", "end": "ip", "netmask": "integer", "attacks": "integer"}, 2,
    ),
    "ipsum": Feed(
        lines("# IPsum", "192.0.2.1     10", "192.0.2.200   9", "198.51.100.1  8"),
        {"type": "regex", "commentChar": "#"}, {"col1": "ip", "col2": "integer"}, 3,
    ),
    "otx ndjson": Feed(
        lines(*(f'{{"ip": "192.0.2.{n}", "seen": {1_706_781_600 + n}, "geo": {{"cc": "FR"}}}}' for n in range(5))),
        {"type": "ndjson"}, {"ip": "ip", "seen": "datetime", "geo_cc": "string"}, 5, {"seen": "%s"},
    ),
    "api": Feed(
        b'{"meta": {"total": 2}, "result": {"hosts": [{"ip": "192.0.2.1", "ok": true},\n {"ip": "192.0.2.2", "ok": false}]}}',
        {"type": "json", "items": "result.hosts"}, {"ip": "ip", "ok": "boolean"}, 2,
    ),
    "day first": Feed(
        lines(
            "Bericht vom 14.02.2024", "Quelle: Übersicht", "Datum;Straße;Betrag;Aktiv",
            *(f"{n + 10}.02.2024 10:00;Müllerstraße {n};{n}.5;ja" for n in range(1, 9)), encoding="cp1252", end="\r\n",
        ),
        {"type": "csv", "delimiter": ";", "skipRows": 2, "encoding": "cp1252"},
        {"datum": "datetime", "betrag": "number"}, 8, {"datum": "%d.%m.%Y %H:%M"},
    ),
    "month first": Feed(
        lines("when,n", "01/31/2024,1", "02/01/2024,2"), {"type": "csv"}, {"when": "date"}, 2, {"when": "%m/%d/%Y"},
    ),
    "web server": Feed(
        lines(*(f'192.0.2.{n} - - [01/Feb/2024:13:55:3{n} +0000] "GET / HTTP/1.1" 200 5 "-" "curl"' for n in range(1, 5))),
        {"type": "accesslog"}, {"remote_host": "ip", "timestamp": "datetime", "status": "integer"}, 4,
    ),
    "auth log": Feed(
        lines(*(f"Feb  1 22:14:1{n} web sshd[12{n}]: Failed password for root from 192.0.2.{n}" for n in range(4))),
        {"type": "syslog"}, {"procid": "integer", "message": "string"}, 4,
    ),
    "single quotes": Feed(
        lines("'ip','note'", "'192.0.2.1','a, b'", "'192.0.2.2','c'"), {"type": "csv", "quoteChar": "'"},
        {"ip": "ip", "note": "string"}, 2,
    ),
    "utf-16 of a spreadsheet": Feed(
        "ip\tname\r\n192.0.2.1\tZürich\r\n".encode("utf-16"), {"type": "tsv", "encoding": "utf-16"},
        {"ip": "ip", "name": "string"}, 1,
    ),
}  # fmt: skip
