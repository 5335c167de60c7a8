"""The composition root: the only room that knows everybody. It builds, wires, starts, and stops in reverse."""
