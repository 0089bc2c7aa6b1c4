"""The API server: asked, watched, and remembered. Read api.py, then store.py."""
