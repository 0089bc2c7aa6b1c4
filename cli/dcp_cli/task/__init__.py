"""`python -m dcp_cli.task WORDS`: what a DataCleaningTask's container runs. In goes a command of `dcp` that answers in
JSON; out come its output, as it is, and one line of what it came to where Kubernetes reads it."""
