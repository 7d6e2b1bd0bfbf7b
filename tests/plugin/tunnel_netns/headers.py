"""Packets that are more than a header and a payload: extension headers and fragments inside, and errors
about the tunnel itself."""

import select, socket, struct

from .lab import CN, GCOA, HOME, LCOA, MS, Tap, server, socket_in, stop_all, whole_way
from .packets import FRAGMENT, HOP_BY_HOP, ICMP, OPTIONS, error, fragments, header, is_tunnel, plain_udp, tunnelled, \
    with_headers
from .traffic import receiver, send_raw, udp

PADDING = bytes([1, 4, 0, 0, 0, 0])
UNKNOWN = bytes([0x1E, 4, 1, 2, 3, 4])  # an option to be skipped by who does not know it
AUTHENTICATION = struct.pack("!HII", 0, 0x1234, 1) + b"checksum"[:4]
CHAINS = [
    [(HOP_BY_HOP, PADDING)],
    [(OPTIONS, PADDING)],
    [(OPTIONS, UNKNOWN)],
    [(HOP_BY_HOP, PADDING), (OPTIONS, UNKNOWN)],
    [(HOP_BY_HOP, PADDING), (OPTIONS, PADDING), (OPTIONS, UNKNOWN)],
]


def _authenticated(source, to):
    """AH counts its length in words of four, less two; nobody on the way can tell more of it."""
    plain = plain_udp(source, to, payload=b"authenticated")
    ah = bytes([17, 2]) + AUTHENTICATION
    return header(source, to, 51, len(plain) - 40 + len(ah)) + ah + plain[40:]


def _to_the_host(p):
    return is_tunnel(p) and p.dst == LCOA and p.inner.next != ICMP


def _sent_and_got(sent, got, hops):
    """What arrived is what was sent, but for the hop limit."""
    assert got.octets[:7] + got.octets[8:40 + got.length] == sent[:7] + sent[8:], (sent.hex(), got.octets.hex())
    assert got.hop_limit == sent[7] - hops, got


def keeps_extension_headers_of_the_packet_inside():
    ms, wire, out = server(), Tap("mh", "wan"), Tap("cn", "wan")
    for make in [lambda s, d, c=chain: with_headers(s, d, c) for chain in CHAINS] + [_authenticated]:
        sent = make(CN, GCOA)
        send_raw("cn", sent)
        _sent_and_got(sent, wire.until(_to_the_host).inner, 2)
        sent = make(GCOA, CN)
        send_raw("mh", tunnelled(LCOA, MS, sent))
        _sent_and_got(sent, out.until(lambda p: p.src == GCOA), 2)
    ms.stop()


def keeps_an_unknown_next_header():
    ms, wire = server(), Tap("mh", "wan")
    for number in (59, 132, 253):
        sent = bytearray(plain_udp(CN, GCOA, payload=b"whatever"))
        sent[6] = number
        send_raw("cn", bytes(sent))
        _sent_and_got(bytes(sent), wire.until(is_tunnel).inner, 2)
    ms.stop()


def carries_fragments_as_they_are():
    ms, wire, out = server(), Tap("mh", "wan"), Tap("cn", "wan")
    for sent in fragments(plain_udp(CN, GCOA, 3000), 1232):
        send_raw("cn", sent)
        p = wire.until(_to_the_host).inner
        assert p.next == FRAGMENT, p
        _sent_and_got(sent, p, 2)
    for sent in fragments(plain_udp(GCOA, CN, 3000), 1232):
        send_raw("mh", tunnelled(LCOA, MS, sent))
        _sent_and_got(sent, out.until(lambda p: p.src == GCOA), 2)
    ms.stop()


def delivers_datagrams_that_arrive_in_fragments():
    """The sender learns from Packet Too Big; what it sends then arrives whole, both ways."""
    ms, ha, mh = whole_way()
    ha.do(f"mtu {GCOA} 1460")  # what the daemon hears from the mobility server
    for sender, source, to, at in (("cn", CN, HOME, "mh"), ("mh", HOME, CN, "cn")):
        got = receiver(at, to, 1)
        data = bytes(range(256)) * 16
        asking = udp(sender, source, to, payload=data + b"0")  # answers are for who still listens
        for attempt in b"1234":
            if select.select([got], [], [], 1)[0]:
                break
            asking.sendto(data + bytes([attempt]), (to, 4001))
        assert got.recv(9000)[:-1] == data, "octets differ"
        asking.close()
    stop_all(ms, ha, mh)


def delivers_errors_about_tunnel_packets_to_the_machine():
    """The daemon's roles pass them on: they must reach sockets, and none may enter a tunnel."""
    ms, wire = server(), Tap("mh", "wan")
    errors = socket_in("ms", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    send_raw("cn", plain_udp(CN, GCOA, 200))
    about = wire.until(is_tunnel)
    for kind, code, word in ((1, 3, 0), (2, 0, 1400), (3, 0, 0), (4, 1, 6)):
        send_raw("mh", error(LCOA, MS, kind, code, word, about.octets))
        while select.select([errors], [], [], 3)[0]:
            got, sender = errors.recvfrom(2000)
            if (got[0], got[1]) == (kind, code):
                break
        else:
            raise AssertionError(f"error {kind} is not delivered")
        assert (sender[0], got[1], got[8:48]) == (LCOA, code, about.octets[:40]), got.hex()
    wire.never(lambda p: is_tunnel(p) and p.inner.next == 58)
    ms.stop()
