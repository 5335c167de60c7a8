"""Rules: measurements and state become events, each with its reason and its evidence. No I/O, no clock."""
