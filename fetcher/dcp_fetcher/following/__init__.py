"""growth: append of files: in goes what a look lists, each generation is read where it lies now. See follower.py."""
