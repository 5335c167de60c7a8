"""The HTTP door: FastAPI by noun under /api/v1, behind bearer tokens. It reads through ports and appends commands."""
