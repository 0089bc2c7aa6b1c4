"""From a source's bytes to bytes that can be cut: decompressed, unpacked, UTF-8, tables as lines. Read decoded.py."""
