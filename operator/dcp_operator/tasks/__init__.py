"""Tasks: what `dcp` is to do for a pipeline becomes a Job, or a CronJob, and its end the task's status. Read
reconcile.py first: observe, have it run when it is its turn (turns.py), follow it (runs.py), report (report.py)."""
