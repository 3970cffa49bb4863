"""`router/` says what happens to a message: it decides, writes the decision in one transaction, and settles what became of it."""
