"""A packet to a binding: the outer header, and what becomes of packets that do not go into one."""

import re

from .lab import AR, CN, GCOA, HOME, LCOA, LCOA2, MS, Driver, Tap, counts, on, server, snapshot, unchanged
from .packets import Packet, is_error, is_tunnel, plain_udp, tunnelled
from .traffic import ping, send_raw, udp


def encapsulates_with_the_fields_of_rfc_2473():
    ms, wire = server(), Tap("mh", "wan")
    udp("cn", CN, GCOA, tclass=0xB8, hop_limit=20)
    p = wire.until(is_tunnel)
    assert (p.src, p.dst, p.hop_limit) == (MS, LCOA, 64), p
    assert p.tclass == 0xB8, hex(p.tclass)
    # Sent with 20; two routers forwarded it, the mobility server among them, once each.
    assert (p.inner.src, p.inner.dst, p.inner.hop_limit) == (CN, GCOA, 18), p.inner
    assert p.length == 40 + 8 + 64, p
    if counts(ms):
        assert ms.count(f"encap {GCOA}")[2:] == [1, 40 + 8 + 64]
    ms.stop()


def gives_one_flow_one_label():
    """RFC 6438: routers on the way that spread load by the label keep the packets of a flow in order."""
    ms, wire = server(), Tap("mh", "wan")
    labels = {}
    for flow in (0x12345, 0x54321, 0x12345, 0x54321):
        send_raw("cn", plain_udp(CN, GCOA, flow=flow))
        p = wire.until(is_tunnel)
        assert p.inner.flow == flow, hex(p.inner.flow)
        labels.setdefault(flow, set()).add(p.flow)
    assert all(len(found) == 1 for found in labels.values()), labels
    ms.stop()


def answers_when_the_hop_limit_is_used_up():
    ms, back, wire = server(), Tap("cn", "wan"), Tap("mh", "wan")
    udp("cn", CN, GCOA, hop_limit=2)
    p = back.until(is_error(3))
    assert p.dst == CN and p.src in (MS, "2001:db8:e::2", AR), p
    about = Packet(p.body[8:])
    assert (p.body[1], about.src, about.dst) == (0, CN, GCOA), about
    wire.never(lambda p: p.dst in (LCOA, GCOA) and p.next != 58)
    udp("cn", CN, GCOA, hop_limit=3)
    assert wire.until(is_tunnel).inner.hop_limit == 1
    ms.stop()


def answers_unreachable_for_what_is_not_bound():
    ms, back = server(), Tap("cn", "wan")
    udp("cn", CN, "2001:db8:f::ab")
    p = back.until(is_error(1))
    assert (p.src, p.dst, p.body[1]) == (MS, CN, 3), (p, p.body[1])
    ms.stop()


def leaves_what_is_not_bound_to_an_on_link_prefix():
    ms = Driver("ms")
    ms.do("prefix 2001:db8:a:: 64 2001:db8:a::1 0 on-link")
    ping("cn", LCOA, count=2)
    ms.do(f"put encap 2001:db8:a::77 local 2001:db8:a::1 remote {LCOA}")
    wire = Tap("mh", "wan")
    udp("cn", CN, "2001:db8:a::77")
    assert wire.until(is_tunnel).dst == LCOA
    ping("cn", LCOA, count=2)
    ms.stop()


def needs_no_neighbour_for_each_address():
    """The kernel has one table of neighbours, of 1024, for everything it does: whoever sends to as many
    addresses of a prefix must not fill it."""
    ms, wire = server(), Tap("mh", "wan")
    ms.do(f"bulk 300 2001:db8:f::1:0 local {MS} remote {LCOA}")
    ms.do(f"put encap 2001:db8:1::77 local {MS} remote {LCOA} attract")
    for first in ("2001:db8:f::1:", "2001:db8:f::2:"):  # bound, and not
        for i in range(300):
            udp("cn", CN, f"{first}{i:x}")
    udp("cn", CN, "2001:db8:1::77")
    wire.until(lambda p: is_tunnel(p) and p.inner.dst == "2001:db8:1::77")
    known = on("ms", "ip -6 neigh show nud all").splitlines()
    assert len([line for line in known if " dev hmip" in line]) < 5, (len(known), known[:10])
    ms.stop()


def attracts_one_address_without_a_prefix():
    rules = on("ms", "ip -6 rule")
    ms, wire = Driver("ms"), Tap("mh", "wan")
    ms.do(f"put encap 2001:db8:a::77 local {MS} remote {LCOA} attract")
    udp("cn", CN, "2001:db8:a::77")
    assert wire.until(is_tunnel).dst == LCOA
    ms.do("del encap 2001:db8:a::77")
    assert "2001:db8:a::77" not in on("ms", "ip -6 route show table all")
    assert on("ms", "ip -6 rule") == rules, on("ms", "ip -6 rule")
    ms.stop()


def rewrites_when_asked():
    ms, wire = server(), Tap("mh", "wan")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA} rewrite")
    send_raw("cn", tunnelled(CN, GCOA, plain_udp(CN, HOME)))
    p = wire.until(is_tunnel)
    assert (p.src, p.dst, p.inner.next, p.inner.dst) == (MS, LCOA, 17, HOME), p
    udp("cn", CN, GCOA)
    p = wire.until(is_tunnel)
    assert (p.dst, p.inner.dst) == (LCOA, GCOA), p
    ms.stop()


def _no_route(back, to):
    """The machine answers as one that has nothing to do with that address."""
    back.drain()
    udp("cn", CN, to)
    p = back.until(lambda p: is_error(1)(p) and p.dst == CN)
    assert p.body[1] == 0, (p, p.body[1])


def takes_a_rule_only_for_a_prefix_that_others_live_in():
    """A rule costs every packet that the machine forwards. When the prefix becomes the other kind, one way
    into the plugin is left, and none that leads astray."""
    before, ms, wire = on("ms", "ip -6 rule"), server(), Tap("mh", "wan")
    for kind, n_rules in (("routed", 0), ("on-link", 1), ("routed", 0)):
        ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 {kind}")
        assert on("ms", "ip -6 rule").count("\n") == before.count("\n") + n_rules, (kind, on("ms", "ip -6 rule"))
        ways = re.findall("^2001:db8:f::/64 .*proto 72", on("ms", "ip -6 route show table all"), re.M)
        assert len(ways) == 1, (kind, ways)
        udp("cn", CN, GCOA)
        wire.until(is_tunnel)
    ms.stop()


def gives_a_prefix_back():
    ms, wire, back = server(), Tap("mh", "wan"), Tap("cn", "wan")
    udp("cn", CN, GCOA)
    wire.until(is_tunnel)
    ms.do(f"prefix-del 2001:db8:f:: 64 {MS} 0 routed")
    _no_route(back, GCOA)
    wire.never(is_tunnel, 0.1)
    ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 routed")
    udp("cn", CN, GCOA)
    assert wire.until(is_tunnel).inner.dst == GCOA, "the binding was not to go with the prefix"
    ms.stop()


def stops_attracting_what_it_is_told_not_to():
    ms, wire, back = Driver("ms"), Tap("mh", "wan"), Tap("cn", "wan")
    ms.do(f"put encap 2001:db8:f::77 local {MS} remote {LCOA} attract")
    udp("cn", CN, "2001:db8:f::77")
    wire.until(is_tunnel)
    ms.do(f"put encap 2001:db8:f::77 local {MS} remote {LCOA}")
    _no_route(back, "2001:db8:f::77")
    ms.do(f"put encap 2001:db8:f::77 local {MS} remote {LCOA2} attract")
    udp("cn", CN, "2001:db8:f::77")
    assert wire.until(is_tunnel).dst == LCOA2
    ms.stop()


def takes_the_same_word_twice():
    """Putting what is there and deleting what is not are no errors, and leave nothing twice."""
    before = snapshot("ms")
    ms, wire, back = server(), Tap("mh", "wan"), Tap("cn", "wan")
    for _ in range(3):
        ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 routed")
        ms.do(f"put encap {GCOA} local {MS} remote {LCOA}")
        ms.do(f"put encap 2001:db8:f1::77 local {MS} remote {LCOA} attract")
    udp("cn", CN, GCOA)
    wire.until(is_tunnel)
    wire.never(is_tunnel, 0.2)
    for _ in range(3):
        ms.do(f"del encap {GCOA}")
        ms.do("del encap 2001:db8:f1::77")
        ms.do("del encap 2001:db8:f1::78")
    udp("cn", CN, GCOA)
    assert back.until(is_error(1)).body[1] == 3
    ms.do(f"prefix-del 2001:db8:f:: 64 {MS} 0 routed")
    ms.do(f"prefix-del 2001:db8:f:: 64 {MS} 0 routed")
    _no_route(back, GCOA)
    ms.stop()
    unchanged("ms", before)
