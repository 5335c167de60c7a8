"""The shipped test kit: seeded scenes, lorries and servers that stand in for the outside."""
