"""The words of what is expected of a pipeline: `spec.expect`."""
