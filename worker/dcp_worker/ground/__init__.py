"""What the worker's wings share: errors of a plan, limits of columns, rows in places, fingerprints, dotted quads."""
