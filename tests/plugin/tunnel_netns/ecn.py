"""Congestion marks in and out of tunnels: the whole table of RFC 6040, normal mode."""

import select, socket

from .lab import CN, GCOA, HA, HOME, KERNEL_TUNNELS, LCOA, MS, Driver, Tap, Under, server
from .packets import is_tunnel, plain_udp, tunnelled
from .traffic import receiver, send_raw

NOT_ECT, ECT1, ECT0, CE = range(4)
EF, AF11 = 46 << 2, 10 << 2
# RFC 6040 figure 4: rows are what the packet inside carries, columns what the tunnel packet does.
DROP = None
DECAPSULATED = {
    NOT_ECT: {NOT_ECT: NOT_ECT, ECT0: NOT_ECT, ECT1: NOT_ECT, CE: DROP},
    ECT0: {NOT_ECT: ECT0, ECT0: ECT0, ECT1: ECT1, CE: CE},
    ECT1: {NOT_ECT: ECT1, ECT0: ECT1, ECT1: ECT1, CE: CE},
    CE: {NOT_ECT: CE, ECT0: CE, ECT1: CE, CE: CE},
}
PAIRS = [(inner, outer) for inner in range(4) for outer in range(4)]
EXPECTED = {20 + i: EF | DECAPSULATED[inner][outer] for i, (inner, outer) in enumerate(PAIRS)
            if DECAPSULATED[inner][outer] is not DROP}


def copies_the_traffic_class_out():
    ms, wire = server(), Tap("mh", "wan")
    for inner in (0, EF, AF11 | ECT1, EF | ECT0, AF11 | CE, NOT_ECT, ECT1, ECT0, CE):
        send_raw("cn", plain_udp(CN, GCOA, tclass=inner))
        p = wire.until(is_tunnel)
        outer = inner - 1 if inner & 3 == CE and Under.name in KERNEL_TUNNELS else inner
        assert (p.tclass, p.inner.tclass) == (outer, inner), (hex(inner), p, p.inner)
    ms.stop()


def joins_congestion_marks_on_the_way_back():
    ms, out = server(), Tap("cn", "wan")
    for i, (inner, outer) in enumerate(PAIRS):
        send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN, 20 + i, tclass=EF | inner), tclass=AF11 | outer))
    got = {p.length - 8: p.tclass for p in out.all() if p.src == GCOA}
    assert got == EXPECTED, _differences(got)
    ms.stop()


def joins_congestion_marks_at_the_mobile_host():
    mh, s = Driver("mh"), receiver("mh", "::")
    mh.do(f"put home {HOME} hop {LCOA} {HA}")
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    for i, (inner, outer) in enumerate(PAIRS):
        send_raw("ms", tunnelled(HA, LCOA, plain_udp(CN, HOME, 20 + i, tclass=EF | inner), tclass=AF11 | outer))
    got = {}
    while select.select([s], [], [], 0.5)[0]:
        data, more, _, _ = s.recvmsg(100, 100)
        got[len(data)] = more[0][2][0]
    assert got == EXPECTED, _differences(got)
    mh.stop()


def _differences(got):
    return [f"inner {inner} outer {outer}: {got.get(20 + i)} instead of {EXPECTED.get(20 + i)}"
            for i, (inner, outer) in enumerate(PAIRS) if got.get(20 + i) != EXPECTED.get(20 + i)]
