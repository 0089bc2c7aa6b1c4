"""What people write: in goes a document, out comes a typed pipeline or every problem. Read model.py."""
