"""Alerts: one per cause, moved by a table. Confirming and clearing belong to the rules."""
