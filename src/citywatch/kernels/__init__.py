"""Numba kernels: arrays in, arrays out; no I/O, no clock, nothing of the rest of the house."""
