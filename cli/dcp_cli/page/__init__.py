"""`dcp ui`: the page of ui/, given the specs of this command line and what it does for people (desk.py)."""

from dcp_cli.page.serve import serve_page

__all__ = ["serve_page"]
