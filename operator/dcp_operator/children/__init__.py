"""What is made for a pipeline: in go its spec and what there is, out come documents and steps. Pure. Read plan.py."""
