"""MySQL 8 and MariaDB: one dialect, two servers. Start at room.py."""

from dcp_pipeline.dialects import Facts

FACTS = Facts(
    name="mysql",
    schemes=r"mysql(\+pymysql)?|mariadb(\+pymysql)?",
    example="mysql+pymysql://USER@HOST:PORT/DATABASE",
)
