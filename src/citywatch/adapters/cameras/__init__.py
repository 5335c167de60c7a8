"""Cameras: addresses, transports, the patrol, and decoding in guarded worker processes."""
