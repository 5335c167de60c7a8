"""Acceptance of weigh-in-motion systems by reference runs: COST 323, ASTM E1318 and OIML R134.

Pure: tables of numbers in, answers out. The figures of the standards are data (standards.toml), each with its source.
"""
