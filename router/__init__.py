"""`router/` says what happens to a message: it decides, writes that in one transaction, and settles what came of it."""
