"""The worker's way into SQLite. Start at room.py."""
