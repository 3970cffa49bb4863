"""Where carriers connect: one module per protocol, and `mapping` between their words and the router's."""
