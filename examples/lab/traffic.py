"""Traffic that runs through a handoff, and what it lost."""

import os
import re
import subprocess
import sys

from .netlab import LabError, wait_for

REPLY = re.compile(rb"^\[(\d+\.\d+)\] \d+ bytes from .* icmp_seq=(\d+) .*time=([\d.]+)")


class Ping:
    """A steady ping; loss and gap are read from its own sequence numbers and time stamps."""

    def __init__(self, lab, host, target, interval=0.01, log="ping.log"):
        self.interval = interval
        self.file = lab.path(log)
        self.out = open(self.file, "wb")
        self.process = lab.spawn(host, "ping", "-6", "-n", "-D", "-i", str(interval), target,
                                 stdout=self.out)

    def replies(self):
        """(time of the reply, sequence number) in order, numbers unwrapped past 65535."""
        found, base, last = [], 0, 0
        with open(self.file, "rb") as file:
            for line in file:
                match = REPLY.match(line)
                if not match:
                    continue
                number = int(match.group(2))
                if number < last - 32768:
                    base += 65536
                last = number
                found.append((float(match.group(1)), base + number))
        return found

    def alive_since(self, moment):
        return sum(1 for when, _ in self.replies() if when > moment)

    def wait_alive(self, since, count=20, timeout=10.0):
        wait_for("ping replies", lambda: self.alive_since(since) >= count, timeout)

    def window(self, start, end):
        """(packets lost, longest gap in seconds) between two moments."""
        inside = [r for r in self.replies() if start <= r[0] <= end]
        if len(inside) < 2:
            return None
        numbers = {number for _, number in inside}
        lost = max(numbers) - min(numbers) + 1 - len(numbers)
        gap = max(b[0] - a[0] for a, b in zip(inside, inside[1:]))
        return lost, max(0.0, gap - self.interval)


class Stream:
    """One TCP connection from `client` to `server`, data flowing from the server, each octet checked."""

    def __init__(self, lab, server, address, client, port=7000, log="stream", rate=2_000_000):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stream.py")
        self.file = lab.path(f"{log}.progress")
        self.server = lab.spawn(server, sys.executable, script, "serve", address, str(port),
                                str(rate), log=f"{log}-server.log")
        self.out = open(self.file, "wb")
        self.client = lab.spawn(client, sys.executable, script, "fetch", address, str(port),
                                log=f"{log}-client.log", stdout=self.out)
        wait_for("the TCP transfer to start", lambda: len(self.progress()) > 3)

    def progress(self):
        with open(self.file, "rb") as file:
            lines = file.read().split(b"\n")[:-1]
        return [(float(a), int(b)) for a, b in (line.split() for line in lines)]

    def alive(self):
        return self.client.poll() is None

    def wait_alive(self, since, timeout=15.0):
        wait_for("TCP data", lambda: self.progress()[-1][0] > since, timeout)

    def stall(self, start, end):
        """The longest time without new data between two moments, in seconds."""
        moments = [start] + [t for t, _ in self.progress() if start <= t <= end] + [end]
        return max(b - a for a, b in zip(moments, moments[1:]))


class Capture:
    """tcpdump on one interface."""

    def __init__(self, lab, host, interface, file):
        log = f"tcpdump-{host}.log"
        self.process = lab.spawn(host, "tcpdump", "-Z", "root", "-U", "-i", interface, "-w", file, "ip6", log=log)
        wait_for(f"tcpdump on {host} (see {lab.path(log)})", lambda: self._listens(lab.path(log)))

    def _listens(self, log):
        if self.process.poll() is not None:
            with open(log, encoding="utf-8", errors="replace") as file:
                raise LabError(f"tcpdump ended: {file.read().strip()}")
        with open(log, encoding="utf-8", errors="replace") as file:
            return "listening on" in file.read()
