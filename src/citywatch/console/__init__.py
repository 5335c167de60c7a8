"""The console: static pages on the public API alone."""
