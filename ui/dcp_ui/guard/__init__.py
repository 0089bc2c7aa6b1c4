"""Who is answered, and how: hosts.py (whose requests), session.py (who may act), headers.py, audit.py."""
