"""The page: what ledger, queue and metrics hold, to look at in a browser; and the few actions of the command line.

Server-rendered; it keeps nothing but what it read last (docs/adr/0098). Start with server.py, then pages/.
"""
