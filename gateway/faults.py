"""What the operating system said no to, in its own short words, without the frames that libraries put around them."""

from __future__ import annotations

import os
import socket


def reason(fault: OSError) -> str:
    """Why, in lower case: "address already in use", "permission denied", "name or service not known"."""
    if isinstance(fault, socket.gaierror) or fault.errno is None:  # names have error numbers of their own
        return (fault.strerror or str(fault)).lower()
    return os.strerror(fault.errno).lower()
