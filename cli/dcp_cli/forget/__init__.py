"""`dcp forget`: all that a pipeline left beside its rows goes: its queue's keys (queue.py), its books (books.py). Read
command.py first."""
