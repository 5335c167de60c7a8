"""Bytes <-> domain, without I/O."""
