"""A DataCleaningTask: `dcp` for a pipeline, in the cluster. model.py has what may be asked, status.py what came of it,
crd.py the CRD of both; outcome.py is what the task's container leaves behind for the operator."""
