"""What the gateway answers over HTTP: how it is, what it counts, and what phones and brands' systems ask."""
