"""What the gateway answers over HTTP: how it is, and what it counts."""
