"""The worker's way into MySQL and MariaDB. Start at room.py."""
