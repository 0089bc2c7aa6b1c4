"""What a process tells of itself: logs, metrics, health, phases, and the report that the operator reads."""
