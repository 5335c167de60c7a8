"""Citywatch watches a city's roadside cameras and weigh-in-motion scales."""

__version__ = "0.1.0"
