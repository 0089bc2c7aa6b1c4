"""What the rest stands on: the pipelines that are shown, what they are read through, and what was read last."""
