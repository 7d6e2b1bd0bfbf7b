#!/usr/bin/env python3
"""A paced TCP transfer whose every octet is known.

stream.py serve ADDRESS PORT OCTETS_PER_SECOND   one connection after the other
stream.py fetch ADDRESS PORT                     prints `TIME OCTETS` as data arrives; exit 1 when the
                                                 connection breaks or an octet is wrong"""

import socket
import sys
import time

BLOCK = bytes(range(251)) * 64  # a prime period: a lost or repeated segment cannot go unseen
TICK = 0.01


def serve(address, port, rate):
    with socket.create_server((address, port), family=socket.AF_INET6) as server:
        while True:
            peer, _ = server.accept()
            try:
                send(peer, rate)
            except OSError as error:
                print(f"connection ended: {error}", file=sys.stderr, flush=True)
            finally:
                peer.close()


def send(peer, rate):
    step, sent, due = int(rate * TICK), 0, time.monotonic()
    while True:
        start = sent % 251
        peer.sendall((BLOCK * (step // len(BLOCK) + 2))[start:start + step])
        sent += step
        due += TICK
        time.sleep(max(0.0, due - time.monotonic()))


def connect(address, port, patience=10):
    """A server that was started a moment ago may not listen yet."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return socket.create_connection((address, port), timeout=60)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def fetch(address, port):
    got, last = 0, 0.0
    with connect(address, port) as server:
        while True:
            data = server.recv(65536)
            if not data:
                sys.exit("the other end closed")
            start = got % 251
            if data != (BLOCK * (len(data) // len(BLOCK) + 2))[start:start + len(data)]:
                sys.exit(f"wrong data after {got} octets")
            got += len(data)
            now = time.time()
            if now - last >= 0.005:
                print(f"{now:.6f} {got}", flush=True)
                last = now


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        fetch(sys.argv[2], int(sys.argv[3]))
