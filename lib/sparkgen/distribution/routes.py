"""By which of its addresses, and by which network interface, this machine reaches another one."""

import socket


def address_towards(address: str) -> str:
    """The address of this machine by which it reaches another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))  # sends nothing: it only chooses the route
        return str(probe.getsockname()[0])


def interface_towards(address: str) -> str:
    """The name of the network interface by which this machine reaches an address."""
    import psutil

    own = address_towards(address)
    for name, entries in psutil.net_if_addrs().items():
        if any(entry.address == own for entry in entries):
            return str(name)
    return "lo"
