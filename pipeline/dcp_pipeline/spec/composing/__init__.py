"""One document out of several: what it extends, what `--set` says, what `${env:NAME}` stands for. Read compose.py.

In goes a decoded document, out comes one that has none of these words any more: parse.py knows nothing of them.
"""
