"""The only rooms that touch the outside."""
