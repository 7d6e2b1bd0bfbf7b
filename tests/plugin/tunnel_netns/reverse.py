"""The reverse tunnel: what is accepted of it, and from whom."""

import time

from .lab import AR, CN, GCOA, LCOA, LCOA2, MS, Tap, counts, server
from .packets import is_error, is_tunnel, plain_udp, tunnelled
from .traffic import receiver, send_raw, udp


def accepts_in_reverse_only_what_is_bound():
    ms, out = server(), Tap("cn", "wan")
    # So that the other end and the other address are ends of a tunnel too.
    ms.do(f"put encap 2001:db8:f::ac local {AR} remote {LCOA2}")
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
    p = out.until(lambda p: p.src == GCOA)
    assert p.next == 17 and p.hop_limit == 62, p
    send_raw("mh", tunnelled(LCOA2, MS, plain_udp(GCOA, CN, 33)))
    send_raw("mh", tunnelled(LCOA, MS, plain_udp("2001:db8:f::ab", CN, 33)))
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(LCOA, CN, 33)))
    send_raw("mh", tunnelled(LCOA, AR, plain_udp(GCOA, CN, 33)))
    send_raw("mh", tunnelled("2001:db8:a::97", MS, plain_udp(GCOA, CN, 33)))
    send_raw("mh", tunnelled(LCOA, MS, tunnelled(LCOA, MS, plain_udp(GCOA, CN, 33))))
    ms.do(f"put encap 2001:db8:f::ad local {MS} remote {LCOA2}")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA} one-way")
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN, 33)))
    time.sleep(0.2)  # what is refused may go a slower way: it must be judged as it was sent
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA}")
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN, 44)))
    assert out.until(lambda p: p.next == 17).length == 52
    if counts(ms):
        assert ms.count(f"encap {GCOA}")[0] == 2
    ms.stop()


def counts_nothing_it_accepts_as_refused():
    ms, out = server(), Tap("cn", "wan")
    before = ms.stats()
    for _ in range(10):
        send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
        out.until(lambda p: p.src == GCOA)
    time.sleep(0.2)  # a copy of it may go a slower way
    grown = [name for name, value in ms.stats().items() if value > before.get(name, 0)]
    assert not [name for name in grown if "foreign" in name or "refused" in name], grown
    ms.stop()


def does_not_answer_tunnelled_packets_with_errors():
    back = Tap("mh", "wan")
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
    back.until(lambda p: p.src == MS and p.next == 58)  # that is what the kernel does by itself
    ms = server()
    back.drain()
    send_raw("mh", tunnelled(LCOA2, MS, plain_udp(GCOA, CN)))
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
    back.never(lambda p: p.src == MS and p.next == 58, 0.5)
    ms.stop()


def takes_what_the_mobile_host_still_sends_from_where_it_was():
    ms, out = server(), Tap("cn", "wan")
    for where in (LCOA2, LCOA):
        ms.do(f"put encap {GCOA} local {MS} remote {where}")
        for care_of in (LCOA, LCOA2):
            send_raw("mh", tunnelled(care_of, MS, plain_udp(GCOA, CN)))
            out.until(lambda p: p.src == GCOA)
    send_raw("mh", tunnelled("2001:db8:a::97", MS, plain_udp(GCOA, CN)))
    ms.do(f"del encap {GCOA}")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA}")
    send_raw("mh", tunnelled(LCOA2, MS, plain_udp(GCOA, CN)))
    out.never(lambda p: p.src == GCOA)
    ms.stop()


def delivers_what_is_for_the_machine_itself():
    ms, got, wire = server(), receiver("ms", MS), Tap("mh", "wan")
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, MS, payload=b"for the server")))
    data, sender = got.recvfrom(100)
    assert (data, sender[0]) == (b"for the server", GCOA), (data, sender)
    udp("ms", MS, GCOA)
    p = wire.until(lambda p: p.dst == LCOA and is_tunnel(p))
    assert (p.src, p.dst, p.inner.src, p.inner.dst, p.inner.hop_limit) == (MS, LCOA, MS, GCOA, 64), (p, p.inner)
    ms.stop()


def turns_round_what_goes_from_one_binding_to_another():
    ms, wire = server(), Tap("mh", "wan")
    ms.do(f"put encap 2001:db8:f::ab local {MS} remote {LCOA2}")
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, "2001:db8:f::ab")))
    p = wire.until(lambda p: p.dst == LCOA2)
    assert (p.src, p.next, p.inner.src, p.inner.dst) == (MS, 41, GCOA, "2001:db8:f::ab"), (p, p.inner)
    assert p.inner.hop_limit == 63, p.inner
    ms.stop()


def answers_through_the_tunnel_when_a_hop_limit_is_used_up_on_the_way_back():
    ms, wire, out = server(), Tap("mh", "wan"), Tap("cn", "wan")
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN, hop_limit=1)))
    p = wire.until(lambda p: is_tunnel(p) and p.dst == LCOA)
    assert is_error(3)(p.inner) and p.inner.dst == GCOA, p.inner
    out.never(lambda p: p.src == GCOA, 0.1)
    ms.stop()


def forwards_no_packet_that_must_not_leave_its_link():
    ms, out, wire = server(), Tap("cn", "wan"), Tap("mh", "wan")
    for to in ("fe80::1", "ff02::1", "ff0e::1", "::1", "::"):
        send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, to, 77)))
    for p in out.all() + wire.all(0.1):
        assert not (p.src == GCOA and p.next == 17), p
    ms.stop()
