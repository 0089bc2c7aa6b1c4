"""Rejects cleaned once more: in go kept rejects, out come rows and states that count once. Start at replay.py."""
