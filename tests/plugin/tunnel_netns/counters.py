"""What the plugin counts: per entry, and its own."""

from .lab import CN, GCOA, HOME, HA, LCOA, LCOA2, MS, Driver, Tap, counts, server, stop_all, whole_way
from .packets import is_tunnel, plain_udp, tunnelled
from .traffic import receiver, send_raw, transfer

OTHER = "2001:db8:f::ab"


def counts_packets_and_octets_of_each_binding():
    ms, wire, out, taken = server(), Tap("mh", "wan"), Tap("cn", "wan"), receiver("cn", CN)
    ms.do(f"put encap {OTHER} local {MS} remote {LCOA2}")
    assert ms.count(f"encap {GCOA}") == [0, 0, 0, 0]
    for size in (10, 100, 1000):
        send_raw("cn", plain_udp(CN, GCOA, size))
        wire.until(is_tunnel)
    for size in (20, 200):
        send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN, size)))
        out.until(lambda p: p.src == GCOA)
    send_raw("cn", plain_udp(CN, OTHER, 7))
    wire.until(lambda p: p.dst == LCOA2 and is_tunnel(p))
    assert ms.count(f"encap {GCOA}") == [2, 220 + 2 * 48, 3, 1110 + 3 * 48]
    assert ms.count(f"encap {OTHER}") == [0, 0, 1, 7 + 48]
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA2}")
    send_raw("mh", tunnelled(LCOA2, MS, plain_udp(GCOA, CN, 1)))
    out.until(lambda p: p.src == GCOA)
    assert ms.count(f"encap {GCOA}") == [3, 221 + 3 * 48, 3, 1110 + 3 * 48], "a move starts no new count"
    ms.do(f"del encap {GCOA}")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA}")
    assert ms.count(f"encap {GCOA}") == [0, 0, 0, 0], "a new binding does"
    taken.close()
    ms.stop()


def counts_nothing_of_what_it_refuses():
    ms, out = server(), Tap("cn", "wan")
    send_raw("mh", tunnelled(LCOA2, MS, plain_udp(GCOA, CN, 10)))
    out.never(lambda p: p.src == GCOA)
    assert ms.count(f"encap {GCOA}") == [0, 0, 0, 0]
    ms.stop()


def counts_what_a_mobile_host_unpacks():
    mh, got = Driver("mh"), receiver("mh", "::")
    mh.do(f"put home {HOME} hop {LCOA} {HA}")
    for size in (10, 100):
        send_raw("ms", tunnelled(HA, LCOA, plain_udp(CN, HOME, size)))
        assert len(got.recv(2000)) == size
    assert mh.count(f"home {HOME}")[:2] == [2, 110 + 2 * 48]
    mh.stop()


def counts_super_packets_as_what_they_are_on_the_wire():
    ms, ha, mh = whole_way()
    transfer("mh", HOME, "cn", CN, 1000000)
    if counts(mh, f"home {HOME}"):
        _, _, packets, octets = mh.count(f"home {HOME}")
        assert 1000000 / 1400 < packets < 4000 and 1000000 < octets - packets * 40 < 1300000, (packets, octets)
    stop_all(ms, ha, mh)


def keeps_counters_of_its_own_that_only_grow():
    ms, wire = server(), Tap("mh", "wan")
    before = ms.stats()
    for _ in range(5):
        send_raw("cn", plain_udp(CN, GCOA, 10))
        wire.until(is_tunnel)
    after = ms.stats()
    assert before.keys() == after.keys() and all(after[k] >= before[k] for k in before), (before, after)
    assert any(after[k] == before[k] + 5 for k in before), (before, after)
    ms.stop()
