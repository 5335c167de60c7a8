"""The health of a scale, told by the vehicles that drive over it.

A reference population (loaded semitrailer trucks) has a level for each gauge: the load of the steering axle, the
spacing of the drive tandem, the balance of left and right. A chart for each gauge and lane finds when a level changes.
The same code runs in the city's step and behind `citywatch scale health`.
"""
