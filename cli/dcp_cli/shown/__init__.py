"""What commands show to people: say.py for lines, tables.py for tables, progress.py for how far a run is;
answer.py finds what one has shown in JSON.

Whatever comes from outside passes through observe/printable.py on its way to the terminal.
"""
