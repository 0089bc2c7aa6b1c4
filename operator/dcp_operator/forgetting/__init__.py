"""The end of a pipeline whose deletionPolicy is Delete: its pods first, then its keys and books by a Job of its own,
then the finalizer that held the resource. In goes a resource that is being deleted, out comes why it is still there.
Read forgetter.py first."""
