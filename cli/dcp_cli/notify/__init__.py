"""Telling people of trouble (`spec.notify`): from what was seen to a message that arrives.

troubles.py: what is wrong now. telling.py: which of it is news to whom; pure. letters.py: the words. services.py: to
where. sending.py: a process for each message, with a time limit; deliver.py is that process. memory.py: what was told,
across restarts; together.py: what the pipelines of one `dcp up` tell as one. notifier.py puts them together.
"""
