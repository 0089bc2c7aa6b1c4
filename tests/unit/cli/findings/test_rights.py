"""Rights by their names, from the lines of SHOW GRANTS of both servers."""

from __future__ import annotations

import pytest

from dcp_cli.findings.rights import MAKING, ROWS, missing_rights, rights_of

TABLES = ["dcp_meta", "botnet"]


@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        (["GRANT USAGE ON *.* TO `a`@`%`"], {"SELECT": [], "INSERT": [], "UPDATE": [], "DELETE": []}),
        (["GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION"], {}),
        (["GRANT SELECT, INSERT, UPDATE ON `clean_1`.* TO `a`@`%`"], {"DELETE": []}),
        ([r"GRANT SELECT, INSERT, UPDATE, DELETE ON `clean\_1`.* TO `a`@`%`"], {}),
        ([r"GRANT SELECT, INSERT, UPDATE, DELETE ON `c%`.* TO `a`@`%`"], {}),
        ([r"GRANT SELECT, INSERT, UPDATE, DELETE ON `clean\_2`.* TO `a`@`%`"], {each: [] for each in ROWS}),
        (
            ["GRANT SELECT, INSERT, UPDATE ON `clean_1`.* TO `a`@`%`", "GRANT DELETE ON `clean_1`.`botnet` TO `a`@`%`"],
            {"DELETE": ["dcp_meta"]},
        ),
        (
            ["GRANT ALL PRIVILEGES ON *.* TO `a`@`%`", "REVOKE UPDATE ON `clean_1`.* FROM `a`@`%`"],
            {"UPDATE": []},
        ),
        (
            ["GRANT SELECT (a, b), INSERT, UPDATE, DELETE ON `clean_1`.`botnet` TO `a`@`%`",
             "GRANT INSERT, UPDATE, DELETE, SELECT ON `clean_1`.`dcp_meta` TO `a`@`%`"],
            {"SELECT": ["botnet"]},
        ),
        (["GRANT `reader`@`%` TO `a`@`%`", "GRANT PROXY ON ``@`%` TO `a`@`%`"], {each: [] for each in ROWS}),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_the_tables_that_it_is_missing_for(
    grants: list[str], missing: dict[str, list[str]]
) -> None:
    assert missing_rights(rights_of(grants, "clean_1"), TABLES, ROWS) == missing


def test_all_is_every_right_that_is_asked_for() -> None:
    rights = rights_of(["GRANT ALL PRIVILEGES ON `clean_1`.* TO `a`@`%`"], "clean_1")
    assert missing_rights(rights, TABLES, (*ROWS, *MAKING)) == {}
