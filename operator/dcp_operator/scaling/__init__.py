"""Workers that follow the queue: in go the queues' lengths, out goes a number through /scale. Read scaler.py."""
