"""`kubectl dcp`: a thin face over what the operator knows and does. kubectl.py asks kubectl, asking.py makes a task and
waits for it, shown.py has what people read of the answers."""
