"""How bytes travel between a message centre and us: SMPP 3.4 and what real peers make of it."""
