"""Packets, read and made by hand."""

import socket, struct

TUNNEL, ICMP, UDP, ROUTING, OPTIONS, FRAGMENT, HOP_BY_HOP = 41, 58, 17, 43, 60, 44, 0


def addr(text):
    return socket.inet_pton(socket.AF_INET6, text)


def text(octets):
    return socket.inet_ntop(socket.AF_INET6, octets)


class Packet:
    """The headers of one IPv6 packet, as seen on a link."""

    def __init__(self, octets):
        first, self.length, self.next, self.hop_limit = struct.unpack("!IHBB", octets[:8])
        self.tclass, self.flow = first >> 20 & 0xFF, first & 0xFFFFF
        self.src, self.dst = text(octets[8:24]), text(octets[24:40])
        self.body = octets[40:40 + self.length]
        self.octets = octets

    @property
    def inner(self):
        return Packet(self.body)

    def __repr__(self):
        return f"<{self.src}>{self.dst} next={self.next} len={self.length} hl={self.hop_limit}>"


def checksum(source, to, next_header, body):
    pseudo = addr(source) + addr(to) + struct.pack("!II", len(body), next_header) + body + bytes(len(body) % 2)
    total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def header(source, to, next_header, length, tclass=0, hop_limit=64, flow=0):
    return struct.pack("!IHBB", 6 << 28 | tclass << 20 | flow, length, next_header, hop_limit) + \
        addr(source) + addr(to)


def datagram(source, to, payload):
    """A UDP datagram from port 4000 to 4001, checksum and all."""
    body = struct.pack("!HHHH", 4000, 4001, 8 + len(payload), 0) + payload
    return body[:6] + struct.pack("!H", checksum(source, to, UDP, body)) + body[8:]


def plain_udp(source, to, size=64, tclass=0, hop_limit=64, flow=0, payload=None):
    body = datagram(source, to, b"y" * size if payload is None else payload)
    return header(source, to, UDP, len(body), tclass, hop_limit, flow) + body


def numbered(source, to, number):
    """One of a stream; see traffic.Tally."""
    return plain_udp(source, to, payload=struct.pack("!Q", number))


def tunnelled(source, to, inner, tclass=0, hop_limit=64):
    return header(source, to, TUNNEL, len(inner), tclass, hop_limit) + inner


def with_home(source, to, home, size):
    """A packet with a Home Address option."""
    plain = datagram(home, to, b"y" * size)
    option = struct.pack("!BBBBBBBB", UDP, 2, 1, 2, 0, 0, 0xC9, 16) + addr(home)
    return header(source, to, OPTIONS, len(option + plain)) + option + plain


def with_routing(source, to, home, size, kind=2, left=1, more=()):
    """A packet with a routing header of that type: `home`, and more addresses in front of it."""
    plain = datagram(source, home, b"y" * size)
    through = b"".join(addr(a) for a in (*more, home))
    head = struct.pack("!BBBBI", UDP, len(through) // 8, kind, left, 0) + through
    return header(source, to, ROUTING, len(head + plain)) + head + plain


def options(next_header, body):
    """An extension header; `body` stands behind next header and length."""
    assert (len(body) + 2) % 8 == 0
    return bytes([next_header, (len(body) + 2) // 8 - 1]) + body


def with_headers(source, to, headers, payload=b"extension headers", hop_limit=64):
    """A UDP packet behind extension headers (number, body)."""
    rest, number = datagram(source, to, payload), UDP
    for kind, body in reversed(headers):
        rest, number = options(number, body) + rest, kind
    return header(source, to, number, len(rest), hop_limit=hop_limit) + rest


def fragments(whole, size, identification=0x4D4950):
    """The fragments of a packet without extension headers, of `size` octets of payload each."""
    first, body = Packet(whole), whole[40:]
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        more = at + size < len(body)
        head = struct.pack("!BBHI", first.next, 0, at | more, identification)
        yield header(first.src, first.dst, FRAGMENT, len(head + piece)) + head + piece


def error(source, to, kind, code, word, about):
    """An ICMPv6 error about a packet."""
    body = struct.pack("!BBHI", kind, code, 0, word) + about[:1232]
    body = body[:2] + struct.pack("!H", checksum(source, to, ICMP, body)) + body[4:]
    return header(source, to, ICMP, len(body)) + body


def is_tunnel(p):
    return p.next == TUNNEL


def is_error(kind):
    """Whether it is an ICMPv6 error of that type: 1 unreachable, 2 too big, 3 time exceeded."""
    return lambda p: p.next == ICMP and p.body[0] == kind
