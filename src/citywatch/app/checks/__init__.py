"""`citywatch check-rules`: scripted days against the rules of a configuration, as a user writes them.

`script.py` is the form of a file, `looks.py` what a scripted look measures, `rows.py` the rows of a day, `city.py` the
true steps and projections that live through it, `wanted.py` what was expected against what is found, `told.py` what
is printed, `run.py` all of it in turn.
"""
