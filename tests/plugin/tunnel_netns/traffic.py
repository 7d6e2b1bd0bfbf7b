"""What sends and receives on the nodes."""

import re, socket, struct, subprocess, threading, time

from .lab import CN, HOME, on, socket_in, space
from .packets import TUNNEL, UDP, text


def ping(node, to, *more, count=3, check=True):
    out = on(node, f"ping -n -i 0.2 -W 2 -c {count} {' '.join(more)} {to}", False)
    got = int(re.search(r"(\d+) received", out).group(1)) if "received" in out else 0
    assert not check or got == count, f"ping {node} -> {to}: {got} of {count}: {out[-400:]}"
    return out


def listen(node, source):
    out = subprocess.Popen(["ip", "netns", "exec", space(node), "/usr/bin/python3", "-c", f"""
import socket, hashlib
s = socket.create_server(("{source}", 5001), family=socket.AF_INET6)
print("ready", flush=True)
c, _ = s.accept()
h, n = hashlib.sha256(), 0
while data := c.recv(65536):
    h.update(data); n += len(data)
c.sendall(h.digest()); c.close()
"""], stdout=subprocess.PIPE, text=True)
    out.stdout.readline()
    return out


def transfer(sender, source, receiver, to, size=2000000):
    """TCP: the octets arrive whole and the answer comes back."""
    server = listen(receiver, to)
    try:
        on(sender, f"""timeout 20 /usr/bin/python3 -c '
import socket, hashlib, os
s = socket.create_connection(("{to}", 5001), 10, ("{source}", 0))
data = os.urandom({size}); s.sendall(data); s.shutdown(1)
got = b""
while len(got) < 32:
    more = s.recv(32)
    assert more, "closed early"
    got += more
assert got == hashlib.sha256(data).digest(), "octets differ"
'""")
    finally:
        server.kill()
        server.wait()


def udp(node, source, to, size=64, tclass=0, hop_limit=64, payload=None):
    s = socket_in(node, socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tclass)
    s.bind((source, 4000))
    s.sendto(payload or b"x" * size, (to, 4001))
    return s


class Stream:
    """Numbered datagrams at a steady rate, until stop() tells how many there were."""

    def __init__(self, node, to, rate=2000):
        self.p = subprocess.Popen(["ip", "netns", "exec", space(node), "/usr/bin/python3", "-c", f"""
import os, select, socket, struct, sys, time
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])  # one processor: the sender keeps the order
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.connect(("{to}", 4001))
print("ready", flush=True)
start, n = time.monotonic(), 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    # Who was held up does not catch up in a burst: that would be another test, of queues.
    start = max(start, time.monotonic() - (n + 20) / {rate})
    while n < int((time.monotonic() - start) * {rate}):
        n += 1
        s.send(struct.pack("!Q", n))
print(n)
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.p.stdout.readline()

    def stop(self):
        return int(self.p.communicate("")[0])


class Crafted(threading.Thread):
    """The same of packets made by hand: make(N) is the Nth."""

    def __init__(self, node, make, rate):
        super().__init__(daemon=True)
        self.socket = socket_in(node, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.make, self.rate, self.over = make, rate, threading.Event()
        self.n = 0
        self.start()

    def run(self):
        while not self.over.wait(1 / self.rate):
            self.n += 1
            octets = self.make(self.n)
            self.socket.sendto(octets, (text(octets[24:40]), 0))

    def stop(self):
        self.over.set()
        self.join()
        return self.n


class Tally:
    """What became of a stream: the numbers lost, how many came twice, and which came late, that is behind
    more than the one that should follow them."""

    def __init__(self, packets, sent):
        self.came, self.late, self.sent = [], [], sent
        last = 0
        for number in filter(None, map(stream_number, packets)):
            self.late += [number] if last - number > 1 else []
            last = max(last, number)
            self.came.append(number)
        self.duplicated = len(self.came) - len(set(self.came))
        self.lost = sorted(set(range(1, sent + 1)) - set(self.came))

    def __repr__(self):
        return (f"{self.sent} sent, {len(self.lost)} lost {self.lost[:20]}, {self.duplicated} duplicated, "
                f"{len(self.late)} late {self.late[:20]}")


def stream_number(p):
    while p.next == TUNNEL:
        p = p.inner
    if p.next != UDP or len(p.body) != 16 or p.body[2:4] != struct.pack("!H", 4001):
        return None
    return struct.unpack("!Q", p.body[8:])[0]


def receiver(node, address, seconds=3):
    """A socket that gets what udp() and plain_udp() send to the address."""
    s = socket_in(node, socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind((address, 4001))
    s.settimeout(seconds)
    return s


def datagrams(s):
    """The numbers of a stream that a socket received, in order."""
    numbers = []
    s.setblocking(False)
    try:
        while True:
            numbers.append(struct.unpack("!Q", s.recv(100))[0])
    except BlockingIOError:
        return numbers


def missing(came, sent):
    return sorted(set(range(1, sent + 1)) - set(came))


class BothWays:
    """A stream each way between the correspondent and the mobile host, from one socket to another."""

    def __init__(self, rate):
        ping("cn", HOME)
        ping("mh", CN, "-I", HOME)
        self.taken = {"cn": receiver("cn", CN), "mh": receiver("mh", HOME)}
        for s in self.taken.values():
            s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.came = {node: [] for node in self.taken}
        self.streams = {"cn": Stream("mh", CN, rate), "mh": Stream("cn", HOME, rate)}

    def take(self):
        """Now and then: on a slow machine more may come than a socket keeps."""
        for node, s in self.taken.items():
            self.came[node] += datagrams(s)

    def stop(self):
        """Everything came, in order."""
        sent_to = {node: stream.stop() for node, stream in self.streams.items()}
        time.sleep(0.3)
        self.take()
        for node, sent in sent_to.items():
            came = self.came[node]
            assert came == list(range(1, sent + 1)), f"{node}: {sent} sent, lost {missing(came, sent)}"
            self.taken[node].close()


def send_raw(node, octets):
    s = socket_in(node, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.sendto(octets, (text(octets[24:40]), 0))
