"""`dcp up`: many pipelines under one supervisor, each in processes of its own.

Read supervisor.py first: its loop looks (specs.py), decides (steps.py, pure) and acts (children.py). What it knows lies
in its folder (notes.py), where `dcp ps`, `logs`, `restart` and `down` read it and leave what they ask.
"""
