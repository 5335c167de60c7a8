"""Ways out: to roadside signs."""
