"""Files of this machine: where they lie (places.py), and how they are written whole (durable.py)."""
