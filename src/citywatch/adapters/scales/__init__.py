"""Scales: the ways by which vehicle records come in."""
