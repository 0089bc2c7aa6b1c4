"""The ground of the operator: names and labels, kinds of objects, its settings."""
