"""Packets that do not fit: who is told what, per path, for how long; and that none leaks."""

import struct

from .lab import CN, GCOA, LCOA, LCOA2, MS, Tap, needs, server
from .packets import is_error, is_tunnel, plain_udp
from .traffic import send_raw

OTHER = "2001:db8:f::ab"


def _told(back, size, to=GCOA):
    """The MTU in the answer to a packet of that size."""
    back.drain()
    send_raw("cn", plain_udp(CN, to, size - 48))
    p = back.until(is_error(2))
    assert p.dst == CN and p.body[1] == 0 and len(p.octets) <= 1280, p
    return struct.unpack("!I", p.body[4:8])[0]


def _passes(wire, size, to=GCOA):
    send_raw("cn", plain_udp(CN, to, size - 48))
    p = wire.until(lambda p: is_tunnel(p) and p.inner.dst == to)
    assert p.length == size, p


def answers_too_big_to_the_inner_source():
    ms, back, wire = server(), Tap("cn", "wan"), Tap("mh", "wan")
    assert _told(back, 1500) == 1460
    assert _told(back, 1461) == 1460
    _passes(wire, 1460)
    ms.do(f"mtu {LCOA} 1400")
    assert _told(back, 1448) == 1360
    assert _told(back, 1361) == 1360
    _passes(wire, 1360)
    ms.stop()


def answers_too_big_from_its_own_address():
    ms, back = server(), Tap("cn", "wan")
    ms.do(f"mtu {LCOA} 1400")
    send_raw("cn", plain_udp(CN, GCOA, 1400))
    p = back.until(is_error(2))
    assert p.src in (MS, "2001:db8:e::2", "2001:db8:a::1"), p
    ms.stop()


def keeps_a_path_mtu_for_each_care_of_address():
    ms, back, wire = server(), Tap("cn", "wan"), Tap("mh", "wan")
    ms.do(f"put encap {OTHER} local {MS} remote {LCOA2}")
    ms.do(f"mtu {LCOA} 1400")
    assert _told(back, 1460) == 1360
    _passes(wire, 1460, OTHER)
    # The path goes with the care-of address, not with the binding.
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA2}")
    ms.do(f"put encap {OTHER} local {MS} remote {LCOA}")
    _passes(wire, 1460)
    assert _told(back, 1460, OTHER) == 1360
    ms.stop()


def never_asks_for_less_than_ipv6_demands():
    ms, back = server(), Tap("cn", "wan")
    for narrow in (1310, 1280, 600):
        ms.do(f"mtu {LCOA} {narrow}")
        assert _told(back, 1400) == 1280, narrow
    ms.stop()


def forgets_a_path_mtu_after_ten_minutes():
    needs("clock")
    ms, back, wire = server(), Tap("cn", "wan"), Tap("mh", "wan")
    ms.do(f"mtu {LCOA} 1400")
    ms.do("clock 590000")
    assert _told(back, 1448) == 1360
    ms.do("clock 20000")
    _passes(wire, 1448)
    ms.stop()


def never_forwards_outside_the_tunnel_what_is_too_big():
    ms, back, wire = server(), Tap("cn", "wan"), Tap("mh", "wan")
    ms.do(f"put encap {OTHER} local {MS} remote {LCOA2}")
    ms.do(f"mtu {LCOA2} 1400")
    sizes = {GCOA: (1461, 1470, 1499, 1500), OTHER: (1361, 1400, 1401, 1460, 1461, 1500)}
    for to in sizes:
        for size in sizes[to]:
            send_raw("cn", plain_udp(CN, to, size - 48))
    answers = [p for p in back.all() if is_error(2)(p)]
    assert len(answers) == 10, answers
    leaked = [p for p in wire.all(0.1) if p.dst in (GCOA, OTHER, LCOA, LCOA2) and p.next != 58]
    assert not leaked, leaked
    ms.stop()
