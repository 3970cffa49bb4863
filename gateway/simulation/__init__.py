"""The gateway in a world of its own: virtual time, a network in memory and seeded chance around the real code."""
