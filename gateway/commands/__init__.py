"""The commands of `kwek`, a module for each group; each imports what it needs when it runs, to start quickly."""
