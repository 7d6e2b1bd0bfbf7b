#!/usr/bin/env python3
"""throw.py INTERFACE PEER: sends the packets given as hex lines on stdin to the neighbour that routes to PEER,
as they are, and prints as hex what comes back from anywhere within a moment (ND aside)."""

import socket
import subprocess
import sys
import time

ETH_P_IPV6 = 0x86dd


def gateway_mac(interface):
    text = subprocess.run(["ip", "-6", "neigh", "show", "dev", interface], capture_output=True, text=True,
                          check=True).stdout
    for line in text.splitlines():
        words = line.split()
        if "lladdr" in words and not words[0].startswith("fe80"):
            return bytes.fromhex(words[words.index("lladdr") + 1].replace(":", ""))
    sys.exit("no neighbour is known: ping it first")


def is_answer(frame):
    """Anything but neighbour discovery and MLD."""
    packet = frame[14:]
    if len(packet) < 41 or packet[6] == 0:
        return False
    return not (packet[6] == 58 and packet[40] in (130, 131, 132, 133, 134, 135, 136, 137, 143))


def main():
    interface = sys.argv[1]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IPV6)) as wire:
        wire.bind((interface, ETH_P_IPV6))
        own = wire.getsockname()[4]
        head = gateway_mac(interface) + own + ETH_P_IPV6.to_bytes(2, "big")
        for line in sys.stdin.read().split():
            wire.send(head + bytes.fromhex(line))
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            wire.settimeout(max(0.01, end - time.monotonic()))
            try:
                frame = wire.recv(65536)
            except TimeoutError:
                break
            if frame[6:12] != own and is_answer(frame):
                print(frame[14:].hex())


if __name__ == "__main__":
    main()
