"""What an operator may set: the settings of kwek.toml, how they are read, and the page that explains them."""
