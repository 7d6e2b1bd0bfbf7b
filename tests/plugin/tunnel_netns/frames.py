"""Frames as links really carry them: padded, for other stations, broken."""

import socket, struct

from .lab import CN, GCOA, HA, LCOA, MS, Tap, on, server, socket_in
from .packets import TUNNEL, addr, checksum, header, is_tunnel, plain_udp, tunnelled
from .traffic import receiver, send_raw, udp


def _mac(node, interface):
    with_mac = on(node, f"cat /sys/class/net/{interface}/address")
    return bytes.fromhex(with_mac.strip().replace(":", ""))


def _frame(node, interface, to, octets, tag=b""):
    """Puts a packet on a link in a frame to that station, past the stack of the sender."""
    s = socket_in(node, socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind((interface, 0x86DD))
    s.send(to + _mac(node, interface) + tag + b"\x86\xdd" + octets)


def takes_padding_for_no_part_of_the_packet():
    """A short packet is filled up on Ethernet."""
    ms, wire, out, taken = server(), Tap("mh", "wan"), Tap("cn", "wan"), receiver("cn", CN)
    sent = plain_udp(CN, GCOA, payload=b"")
    _frame("ha", "in", _mac("ms", "wan"), sent + b"\xaa" * 14)
    p = wire.until(is_tunnel)
    assert (p.length, p.inner.length, len(p.octets)) == (48, 8, 88), (p, p.octets.hex())
    sent = plain_udp(GCOA, CN, payload=b"")
    for padded in (tunnelled(LCOA, MS, sent) + b"\xaa" * 14,  # behind the outer packet
                   tunnelled(LCOA, MS, sent + b"\xaa" * 14)):  # behind the inner one
        _frame("mh", "wan", _mac("ms", "lan"), padded)
        p = out.until(lambda p: p.src == GCOA)
        assert (p.length, len(p.octets)) == (8, 48), (p, p.octets.hex())
    taken.close()
    ms.stop()


def leaves_alone_what_is_for_another_station():
    """In promiscuous mode a machine sees the packets of others: they are not its own to forward."""
    ms, wire, out = server(), Tap("mh", "wan"), Tap("cn", "wan")
    udp("cn", CN, GCOA)
    wire.until(is_tunnel)
    for interface in ("wan", "lan"):
        on("ms", f"ip link set dev {interface} promisc on")
    stranger = bytes.fromhex("020000000001")
    _frame("ha", "in", stranger, plain_udp(CN, GCOA, 33))
    _frame("mh", "wan", stranger, tunnelled(LCOA, MS, plain_udp(GCOA, CN, 33)))
    out.never(lambda p: p.src == GCOA)
    wire.never(lambda p: p.dst == LCOA and is_tunnel(p), 0.1)
    ms.stop()


def leaves_neighbour_discovery_to_the_machine():
    """A neighbour that checks whether a bound address is still there asks this machine, which answers for
    it: the question must reach whoever listens here."""
    ms = server()
    udp("cn", CN, GCOA)
    ears = socket_in("ms", socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    ears.bind(("wan", 0x86DD))
    ears.settimeout(2)
    body = struct.pack("!BBHI", 135, 0, 0, 0) + addr(GCOA)
    body = body[:2] + struct.pack("!H", checksum(HA, GCOA, 58, body)) + body[4:]
    _frame("ha", "in", _mac("ms", "wan"), header(HA, GCOA, 58, len(body), hop_limit=255) + body)
    while (heard := ears.recv(2000))[40:] != body:
        pass
    assert heard[7] == 255, heard.hex()
    ms.stop()


def leaves_alone_what_is_for_another_vlan():
    """A tag says that the packet is no packet of the link below it."""
    ms, wire, out = server(), Tap("mh", "wan"), Tap("cn", "wan")
    udp("cn", CN, GCOA)
    wire.until(is_tunnel)
    tag = b"\x81\x00" + struct.pack("!H", 5)
    _frame("ha", "in", _mac("ms", "wan"), plain_udp(CN, GCOA, 33), tag)
    _frame("mh", "wan", _mac("ms", "lan"), tunnelled(LCOA, MS, plain_udp(GCOA, CN, 33)), tag)
    out.never(lambda p: p.src == GCOA)
    wire.never(lambda p: p.dst == LCOA and is_tunnel(p), 0.1)
    ms.stop()


def survives_broken_packets():
    ms, wire, out = server(), Tap("mh", "wan"), Tap("cn", "wan")
    good = plain_udp(GCOA, CN, 33)
    for inner in (
        b"", b"\x60", good[:39], good[:40], good[:-1],  # cut off
        good[:4] + struct.pack("!H", 65535) + good[6:],  # longer than what carries it
        b"\x45" + good[1:], b"\x00" + good[1:],  # another version
    ):
        _frame("mh", "wan", _mac("ms", "lan"), tunnelled(LCOA, MS, inner))
        _frame("mh", "wan", _mac("ms", "lan"), header(LCOA, MS, TUNNEL, 2000) + inner)
    for octets in (good[:8], good[:39], b"\x60" * 14):
        _frame("ha", "in", _mac("ms", "wan"), octets)
        _frame("mh", "wan", _mac("ms", "lan"), octets)
    short = plain_udp(CN, GCOA, 33)
    _frame("ha", "in", _mac("ms", "wan"), short[:-10])
    out.never(lambda p: p.src == GCOA, 0.5)
    assert not [p for p in wire.all(0.1) if p.dst == LCOA and is_tunnel(p)], "half a packet is tunnelled"
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN, 44)))
    assert out.until(lambda p: p.src == GCOA).length == 52
    ms.stop()
