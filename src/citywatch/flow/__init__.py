"""The road between the log and everything else: doors in, steps, projections and the archive out."""
