"""The words of a spec, a file for each of its larger parts. model.py, above, makes the whole of them."""
