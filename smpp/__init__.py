"""How bytes travel: SMPP 3.4 (and the pieces of 5.0 that matter) between us and a message centre or an aggregator."""
