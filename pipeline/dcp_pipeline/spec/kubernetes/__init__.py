"""The spec as a custom resource: its CRD with rules, its status."""
