"""The log: Redis Streams on a server of the city's own, or on the bundled one that we start and guard."""
