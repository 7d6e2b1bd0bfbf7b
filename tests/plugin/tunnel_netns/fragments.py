"""Tunnelled packets in fragments, out and in (RFC 2473 7, RFC 8200 4.5), and what limits a nest of tunnels
(RFC 2473 4.1.1)."""

import struct

from .lab import AR, CN, GCOA, HA, HOME, LCOA, LCOA2, MS, Driver, Tap, needs, on, server, stop_all, whole_way
from .packets import FRAGMENT, ICMP, OPTIONS, ROUTING, TUNNEL, UDP, Packet, fragments, header, is_error, \
    plain_udp, tunnelled
from .traffic import ping, send_raw


def _narrow():
    """The mobile host's link carries no more than IPv6 demands."""
    needs("cuts")
    on("ms", "ip link set lan mtu 1280")
    on("mh", "ip link set wan mtu 1280")


def _joined(wire, mtu=1280, n=2):
    """The packet whose fragments, in order, are the next ones on the wire."""
    data, last = b"", None
    for i in range(n):
        p = wire.until(lambda p: p.next == FRAGMENT)
        kind, _, field, number = struct.unpack("!BBHI", p.body[:8])
        assert (kind, field & 0xFFF8, field & 1) == (TUNNEL, len(data), i < n - 1), (p, hex(field))
        assert len(p.octets) <= mtu and number == (last or number), p
        data, last = data + p.body[8:], number
    return p, Packet(data), last


def sends_in_fragments_what_may_not_be_refused():
    _narrow()
    ms, wire, back = server(), Tap("mh", "wan"), Tap("cn", "wan")
    numbers = set()
    for _ in range(3):  # the first learns from the link, the others know
        sent = plain_udp(CN, GCOA, 1280 - 48)
        send_raw("cn", sent)
        outer, inner, number = _joined(wire)
        assert (outer.src, outer.dst, outer.hop_limit) == (MS, LCOA, 64), outer
        assert inner.body == Packet(sent).body and inner.hop_limit == 62, inner
        numbers.add(number)
    assert len(numbers) == 3, numbers
    send_raw("cn", plain_udp(CN, GCOA, 1240 - 48))
    assert wire.until(lambda p: p.dst == LCOA).next == TUNNEL
    back.never(is_error(2), 0.2)
    ms.stop()


def sends_in_fragments_when_the_path_is_narrow_beyond_the_link():
    needs("cuts")
    ms, wire = server(), Tap("mh", "wan")
    ms.do(f"mtu {LCOA} 1300")
    send_raw("cn", plain_udp(CN, GCOA, 1280 - 48))
    _joined(wire, 1300)
    ms.stop()


def serves_a_mobile_host_on_a_link_of_1280_octets():
    """Two tunnels deep both ways, in packets that nobody may refuse."""
    _narrow()
    ms, ha, mh = whole_way()
    ha.do(f"mtu {GCOA} 1280")  # what the daemon hears from the mobility server
    ping("cn", HOME, "-M", "do", "-s", "1232")
    ping("mh", CN, "-M", "do", "-s", "1232", "-I", HOME)
    stop_all(ms, ha, mh)


def optimises_routes_to_a_link_of_1280_octets():
    """Route optimisation's headers are in front of every fragment, so each end unwraps what it gets and its
    kernel joins them, whoever cut them."""
    _narrow()
    cn, mh, wire = Driver("cn"), Driver("mh"), Tap("mh", "wan")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    mh.do(f"put own {CN} home {HOME} local {LCOA}")
    cn.do(f"put peer {HOME} local {CN} remote {LCOA} attract")
    cn.do(f"mtu {LCOA} 1280")  # what the daemon hears from the router
    ping("cn", HOME, "-s", "1232")
    for number, (source, front) in enumerate(((CN, ROUTING), (LCOA, OPTIONS))):
        wire.drain()
        ping("cn", HOME, "-s", "1232", count=1)
        p = wire.until(lambda p: p.src == source and p.next == front)
        assert p.body[0] == FRAGMENT and len(p.octets) <= 1280, (number, p)
    ping("cn", HOME, "-s", "4000", count=1, check=False)  # its kernel learns that it must cut, too
    ping("cn", HOME, "-s", "4000")
    ping("mh", CN, "-I", HOME, "-s", "4000")
    stop_all(cn, mh)


def joins_fragments_of_a_tunnelled_packet_in_any_order():
    ms, out, back = server(), Tap("cn", "wan"), Tap("mh", "wan")
    for number, order in enumerate(((0, 1, 2), (2, 0, 1), (1, 2, 0))):
        sent = plain_udp(GCOA, CN, 1000 + number)
        parts = list(fragments(tunnelled(LCOA, MS, sent), 400, 7000 + number))
        for i in order:
            send_raw("mh", parts[i])
        assert out.until(lambda p: p.src == GCOA).body == Packet(sent).body, order
    # The kernel sees them too, and has nothing to say.
    back.never(lambda p: p.src in (MS, AR) and p.next == ICMP and p.body[0] < 128, 0.3)
    ms.stop()


def joins_no_fragments_that_overlap_nor_those_of_strangers():
    ms, out = server(), Tap("cn", "wan")
    first, second = fragments(tunnelled(LCOA, MS, plain_udp(GCOA, CN, 700)), 600, 1)
    back = second[:42] + struct.pack("!H", 592) + second[44:]
    for piece in (first, back, second):
        send_raw("mh", piece)
    for source, inner in ((LCOA2, GCOA), (LCOA, "2001:db8:f::ab")):
        for piece in fragments(tunnelled(source, MS, plain_udp(inner, CN, 700)), 600, 2):
            send_raw("mh", piece)
    out.never(lambda p: p.next == UDP, 0.3)
    for piece in fragments(tunnelled(LCOA, MS, plain_udp(GCOA, CN, 701)), 600, 3):
        send_raw("mh", piece)
    assert out.until(lambda p: p.src == GCOA).length == 709
    ms.stop()


def _limited(source, to, inner, limit):
    option = struct.pack("!BBBBBBBB", TUNNEL, 0, 4, 1, limit, 1, 1, 0)
    return header(source, to, OPTIONS, len(option + inner)) + option + inner


def _limit_of(p):
    """Of a tunnelled packet with one."""
    assert p.next == OPTIONS and p.body[:4] == bytes([TUNNEL, 0, 4, 1]) and p.body[5:8] == b"\1\1\0", p
    return p.body[4]


def begins_a_limit_at_the_third_tunnel_and_hands_it_on():
    needs("limit")
    ms, wire = server(), Tap("mh", "wan")
    once = tunnelled(CN, GCOA, plain_udp("2001:db8:5::1", HOME))
    send_raw("cn", once)
    assert wire.until(lambda p: p.src == MS).next == TUNNEL
    send_raw("cn", tunnelled(CN, GCOA, once))
    p = wire.until(lambda p: p.src == MS)
    assert (_limit_of(p), p.body[8:48][:8][7]) == (4, 62), p
    for given in (4, 1):
        send_raw("cn", _limited(CN, GCOA, plain_udp("2001:db8:5::1", HOME), given))
        assert _limit_of(wire.until(lambda p: p.src == MS)) == given - 1
    ms.stop()


def refuses_to_go_beyond_a_limit():
    needs("limit")
    ms, wire, back = server(), Tap("mh", "wan"), Tap("cn", "wan")
    send_raw("cn", _limited(CN, GCOA, plain_udp("2001:db8:5::1", HOME), 0))
    p = back.until(is_error(4))
    assert (p.src, p.dst, p.body[1], struct.unpack("!I", p.body[4:8])[0]) == (MS, CN, 0, 44), p
    wire.never(lambda p: p.src == MS and p.dst == LCOA, 0.2)
    ms.stop()


def takes_a_limit_off_with_the_tunnel():
    needs("limit")
    ms, out = server(), Tap("cn", "wan")
    send_raw("mh", _limited(LCOA, MS, plain_udp(GCOA, CN, 77), 2))
    assert out.until(lambda p: p.src == GCOA).length == 85
    # Cut, with the limit in every fragment.
    whole = tunnelled(LCOA, MS, plain_udp(GCOA, CN, 500))
    for piece in fragments(whole, 304, 9):
        p = Packet(piece)
        send_raw("mh", header(LCOA, MS, OPTIONS, p.length + 8) + struct.pack("!BBBBBBBB", FRAGMENT, 0, 4, 1, 2, 1, 1, 0)
                 + p.body)
    assert out.until(lambda p: p.src == GCOA).length == 508
    ms.stop()
