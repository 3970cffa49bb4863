"""The database: its tables, the hot statements, and the one writer that every cause goes through."""
