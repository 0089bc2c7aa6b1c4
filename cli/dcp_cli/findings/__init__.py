"""What the doctor finds, as values: in go numbers and grants, out come findings that say how to mend it. Pure."""
