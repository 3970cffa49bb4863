"""What runs kwek: the processes, sockets, clocks and commands around the router."""
