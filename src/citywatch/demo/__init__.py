"""The demonstration city: a seeded plan of what happens (city), and the programme that plays it from outside (play).

It knows Citywatch only as a stranger does: through camera addresses and the public HTTP API.
"""
