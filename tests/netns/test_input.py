#!/usr/bin/env python3
"""Bad input on real packets: counted by reason, never acted on, never answered beyond what the spec says."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402
import hashlib  # noqa: E402
import hmac  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402

from lab.daemon import Daemon  # noqa: E402
from lab.netlab import Lab, wait_for  # noqa: E402
from lab.site import HOME, KEYS  # noqa: E402

HMIPD, PLUGINS = sys.argv[1], sys.argv[2]
MS, LCOA = "2001:db8:f1::1", "2001:db8:a::99"
KEY = bytes(range(32))


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def packet(src, dst, header, hop=64):
    """An IPv6 packet whose payload is one Destination Options header and nothing else."""
    return struct.pack("!IHBB", 6 << 28, len(header), 60, hop) + ip6(src) + ip6(dst) + header


def registration(seq, src=LCOA, dst=MS, kind=0xca, life=600, malen=64, spi=0x1001, epoch=0, key=KEY,
                 home=HOME, flags=0x80):
    """A Registration Request as PROTOCOL 3 shows it, signed."""
    head = bytes([0x3b, 7, kind, 0x24, flags, malen]) + struct.pack("!HI", seq, life)
    head += bytes([1, 0, 5, 0x18]) + struct.pack("!II", spi, epoch)
    tail = bytes([1, 4, 0, 0, 0, 0, 0xc9, 0x10]) + ip6(home)
    mac = hmac.new(key, ip6(src) + ip6(dst) + ip6(home) + head + bytes(16) + tail,
                   hashlib.sha256).digest()[:16]
    return packet(src, dst, head + mac + tail)


class Rig:
    """A mobility server and, one link away, a host from which octets are thrown at it."""

    def __init__(self, more=""):
        self.lab = lab = Lab("hmipd-input")
        lab.host("ms")
        lab.host("far")
        lab.link("ms", "acc0", "far", "up0")
        lab.addr("ms", "acc0", "2001:db8:a::1/64")
        lab.addr("far", "up0", f"{LCOA}/64")
        lab.route("far", "default", "2001:db8:a::1")
        self.daemon = Daemon(lab, HMIPD, PLUGINS, "ms", "ms",
                             f"tunnel = tun\n[ms]\naddress = {MS}/64\n{more}" + KEYS)
        self.daemon.start()
        lab.run("far", "ping", "-6", "-c1", "-W2", MS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lab.close()

    def throw(self, *packets):
        """Sends raw packets and returns what came back within a moment, header by header."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "throw.py")
        done = subprocess.run(self.lab.argv("far", sys.executable, script, "up0", MS),
                              input="\n".join(p.hex() for p in packets) + "\n", text=True,
                              capture_output=True, timeout=20, check=True)
        return [bytes.fromhex(line) for line in done.stdout.split()]

    def counters(self):
        return {row["name"]: row["value"] for row in self.daemon.show("counters")}

    def bindings(self):
        return self.daemon.show("bindings")

    def refused_silently(self, packets, counter):
        before = self.counters().get(counter, 0)
        answers = self.throw(*packets)
        expect_eq([a.hex() for a in answers], [], "answers")
        wait_for(f"the counter {counter}", lambda: self.counters().get(counter, 0)
                 >= before + len(packets), timeout=3)
        expect_eq(self.bindings(), [], "bindings")


def test_a_good_registration_is_accepted_and_bound():
    with Rig() as rig:
        answers = rig.throw(registration(1))
        expect_eq(len(answers), 1, "answers")
        expect_eq(answers[0][40:48].hex(), "3b0500072b000001", "acknowledgement")
        rows = rig.bindings()
        expect_eq(len(rows), 1, "bindings")
        expect_eq((rows[0]["home_address"], rows[0]["gcoa"], rows[0]["lcoa"]),
                  (HOME, "2001:db8:f1::aa", LCOA), "binding")
        answers = rig.throw(registration(1))
        expect_eq(answers[0][45], 134, "status of a replay")
        expect_eq(rig.bindings()[0]["sequence"], 1, "sequence")


def test_damage_is_dropped_and_counted_by_reason():
    with Rig() as rig:
        good = registration(1)
        header = good[40:]
        rig.refused_silently([packet(LCOA, MS, header[:-8])], "truncated")
        option = bytes([0xcb, 0x08, 0x80, 0x40, 0, 1, 0, 0, 2, 0x58])
        twice = bytes([0x3b, 5]) + option + bytes([1, 0]) + option + bytes([1, 4, 0, 0, 0, 0])
        twice += bytes([0xc9, 0x10]) + ip6(HOME)
        rig.refused_silently([packet(LCOA, MS, twice)], "two_messages")
        no_home = bytes([0x3b, 1, 0xcb, 0x08]) + header[4:12] + bytes([1, 2, 0, 0])
        rig.refused_silently([packet(LCOA, MS, no_home)], "no_home_address")
        misaligned = bytes([0x3b, 3, 0, 0xca, 0x08]) + header[4:12] + bytes([0xc9, 0x10]) + ip6(HOME) + b"\0"
        rig.refused_silently([packet(LCOA, MS, misaligned)], "misaligned")


def test_strangers_and_forgers_get_no_answer():
    with Rig() as rig:
        rig.refused_silently([registration(1, key=bytes(32))], "auth_failed")
        rig.refused_silently([registration(1, spi=0x9999)], "auth_no_key")
        rig.refused_silently([registration(1, home="2001:db8:1::ab")], "auth_no_key")
        bare = bytes([0x3b, 3, 0xca, 0x08, 0x80, 0x40, 0, 1, 0, 0, 2, 0x58, 1, 0, 0xc9, 0x10]) + ip6(HOME)
        rig.refused_silently([packet(LCOA, MS, bare)], "auth_missing")
        flipped = bytearray(registration(1))
        flipped[47] ^= 1
        rig.refused_silently([bytes(flipped)], "auth_failed")


def test_multicast_and_unspecified_sources_are_dropped():
    with Rig() as rig:
        rig.refused_silently([registration(1, src="ff02::1"), registration(1, src="::1")], "bad_source")


def routed(whole, kind, addr):
    """The packet behind a routing header, which the MAC does not cover."""
    header = bytes([60, 2, kind, 1]) + bytes(4) + ip6(addr) + whole[40:]
    return whole[:4] + struct.pack("!HB", len(header), 43) + whole[7:40] + header


def test_a_routing_header_leads_to_a_mobile_hosts_home_address_or_nowhere():
    with Rig("[wire]\naccept-rh0 = yes\n") as rig:
        for kind in (0, 2):
            for addr in (HOME, MS, "2001:db8:f2::1"):
                rig.refused_silently([routed(registration(1), kind, addr)], "routing_header")
        expect_eq(len(rig.throw(registration(1))), 1, "answers to the same without")


def test_the_kernel_never_answers_for_us_and_transit_is_untouched():
    with Rig() as rig:
        unknown = bytes([0x3b, 1, 0xe5, 0x04]) + bytes(4) + bytes([1, 6]) + bytes(6)
        rig.throw(packet(LCOA, MS, unknown[:16]))
        expect_eq(rig.bindings(), [], "bindings")
        rig.lab.host("beyond")
        rig.lab.link("ms", "out0", "beyond", "up0")
        rig.lab.addr("ms", "out0", "2001:db8:b::1/64")
        rig.lab.addr("beyond", "up0", "2001:db8:b::2/64")
        rig.lab.route("beyond", "default", "2001:db8:b::1")
        answers = rig.throw(packet(LCOA, "2001:db8:b::2", registration(9)[40:]))
        expect_eq([a[6] for a in answers], [58], "the far host's Parameter Problem comes through")


def test_a_flood_of_strangers_costs_no_memory_and_no_service():
    with Rig() as rig:
        def resident():
            with open(f"/proc/{rig.pid()}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * 4096
        rig.pid = lambda: int(rig.lab.run("ms", "sh", "-c", "pgrep -n -x hmipd").split()[-1])
        before = resident()
        flood = [registration(1, home=f"2001:db8:1::{i:x}", spi=0x1001) for i in range(1, 3000)]
        rig.throw(*flood)
        answers = rig.throw(registration(1))
        expect_eq(len(answers), 1, "service after the flood")
        expect(resident() - before < 4 << 20, f"grew by {resident() - before} octets")


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
