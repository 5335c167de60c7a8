"""The shared words of Citywatch: frozen, checked at birth, no I/O."""
