"""`rules/` says what a rule means: the language, its checks, and the compiled book the router reads."""
