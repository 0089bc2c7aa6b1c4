"""The operator: reconciles DataCleaningPipeline resources into Deployments and scales the workers."""
