"""Service levels: availability from stored intervals. Derived, never a flag that somebody must flip."""
