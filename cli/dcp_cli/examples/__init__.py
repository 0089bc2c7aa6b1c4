"""`dcp test`: records and what is to become of them, played through the spec's own reading and cleaning.

model.py is what users write, play.py what became of it and whether that is what was wanted, command.py what is printed.
"""
