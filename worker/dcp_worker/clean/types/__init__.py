"""From texts to typed values, or the reason why not. Read types.py."""
