"""The mobile host: its addresses, the tunnels it takes off and puts on, and home again."""

import errno, re, select, socket, time

from .lab import AR, CN, GCOA, HA, HOME, LCOA, LCOA2, MS, Driver, Tap, counts, in_kernel, needs, on, snapshot, \
    socket_in, stop_all, unchanged, whole_way
from .packets import error, plain_udp, tunnelled
from .traffic import BothWays, ping, receiver, send_raw, transfer, udp

IPV6_MTU_DISCOVER, IPV6_MTU, IPV6_PMTUDISC_DO = 23, 24, 2  # of Linux


def serves_a_mobile_host_two_tunnels_deep():
    ms, ha, mh = whole_way()
    ping("cn", HOME)
    wire = Tap("mh", "wan")
    ping("mh", CN, "-I", HOME)
    p = wire.until(lambda p: p.src == LCOA)
    assert (p.dst, p.next, p.inner.src, p.inner.dst) == (MS, 41, GCOA, HA), p
    assert (p.inner.inner.src, p.inner.inner.dst) == (HOME, CN), p.inner.inner
    transfer("cn", CN, "mh", HOME)
    transfer("mh", HOME, "cn", CN)
    mh.has_seen(f"tunnelled {HOME} {CN}")
    assert set(mh.seen) == {f"tunnelled {HOME} {CN}"}, mh.seen
    in_kernel(mh, "tunnelled_in", "tunnelled_out")
    stop_all(ms, ha, mh)


def needs_no_neighbour_for_each_correspondent():
    mh, wire = Driver("mh"), Tap("mh", "wan")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    for i in range(300):
        udp("mh", HOME, f"2001:db8:c::{i:x}")
    for _ in range(300):
        wire.until(lambda p: p.dst == MS)
    known = on("mh", "ip -6 neigh show nud all").splitlines()
    assert len([line for line in known if " dev hmip" in line]) < 5, (len(known), known[:10])
    mh.stop()


def serves_a_mobile_host_that_the_server_rewrites_for():
    ms, ha, mh = whole_way("rewrite")
    ping("cn", HOME)
    transfer("cn", CN, "mh", HOME, 300000)
    stop_all(ms, ha, mh)


def chooses_the_home_address_as_source_and_keeps_the_link():
    ms, ha, mh = whole_way()
    got = socket_in("cn", socket.AF_INET6, socket.SOCK_DGRAM)
    got.bind((CN, 4001))
    got.settimeout(3)
    s = socket_in("mh", socket.AF_INET6, socket.SOCK_DGRAM)
    s.sendto(b"hello", (CN, 4001))
    assert got.recvfrom(100)[1][0] == HOME
    ping("mh", CN, "-I", LCOA)
    ping("mh", AR)
    wire = Tap("mh", "wan")
    ping("cn", GCOA)
    p = wire.until(lambda p: p.src == LCOA and p.next == 41)
    assert (p.dst, p.inner.src, p.inner.dst) == (MS, GCOA, CN), p
    stop_all(ms, ha, mh)


def serves_a_mobile_host_as_many_tunnels_deep_as_there_can_be():
    """Five: what the plugin interface has room for."""
    mh, wire, got = Driver("mh"), Tap("mh", "wan"), receiver("mh", "::")
    hops = [(GCOA, HA)] + [(f"2001:db8:f{i}::aa", f"2001:db8:f{i}::1") for i in (1, 2, 3)] + [(LCOA, MS)]
    mh.do(f"put home {HOME} " + " ".join(f"hop {local} {remote}" for local, remote in hops))
    udp("mh", HOME, CN)
    p = wire.until(lambda p: p.dst == MS)
    for local, remote in reversed(hops):
        assert (p.src, p.dst, p.next) == (local, remote, 41), p
        p = p.inner
    assert (p.src, p.dst, p.next, p.length) == (HOME, CN, 17, 72), p
    packet = plain_udp(CN, HOME, payload=b"five deep")
    for local, remote in hops:
        packet = tunnelled(remote, local, packet)
    send_raw("ms", packet)
    assert got.recv(100) == b"five deep"
    mh.stop()


def refuses_tunnels_that_are_no_hop():
    mh = Driver("mh")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    before, got = mh.stats(), receiver("mh", "::")
    send_raw("ms", tunnelled(AR, LCOA, plain_udp(CN, HOME)))
    send_raw("ms", tunnelled(MS, LCOA, tunnelled(CN, GCOA, plain_udp(CN, HOME))))
    send_raw("ms", tunnelled(MS, LCOA, plain_udp(CN, "2001:db8:1::bb")))
    send_raw("ms", tunnelled(MS, LCOA, tunnelled(HA, GCOA, plain_udp(CN, HOME, payload=b"last"))))
    assert got.recv(100) == b"last"
    # What is refused may go a slower way than what is taken.
    names, end = ("drop_foreign_source", "drop_foreign_tunnel", "drop_inner"), time.monotonic() + 2
    want = {name: before.get(name, 0) + 1 for name in names}
    while (after := {k: v for k, v in mh.stats().items() if k in names}) != want and time.monotonic() < end:
        time.sleep(0.02)
    assert after in (want, {}), (before, after)
    if counts(mh, f"home {HOME}"):
        assert mh.count(f"home {HOME}")[0] == 1
    mh.stop()


def follows_the_mobile_host_to_another_care_of_address():
    ms, ha, mh = whole_way()
    ping("cn", HOME)
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA2} {MS} accept {LCOA} {MS}")
    ping("cn", HOME, count=1, check=False)
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA2}")
    ping("cn", HOME)
    ping("mh", CN, "-I", HOME)
    assert LCOA not in on("mh", "ip -6 rule"), on("mh", "ip -6 rule")
    stop_all(ms, ha, mh)


def loses_no_packet_when_the_care_of_address_changes():
    """The one to come is accepted before the server sends there, the one that was for a moment after."""
    ms, ha, mh = whole_way()
    streams = BothWays(500)
    for was, now in ((LCOA, LCOA2), (LCOA2, LCOA)):
        time.sleep(0.3)
        mh.do(f"put home {HOME} hop {GCOA} {HA} hop {was} {MS} accept {now} {MS}")
        ms.do(f"put encap {GCOA} local {MS} remote {now}")
        time.sleep(0.1)
        mh.do(f"put home {HOME} hop {GCOA} {HA} hop {now} {MS} accept {was} {MS}")
    time.sleep(0.5)
    streams.stop()
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    got = receiver("mh", HOME)
    for care_of, word in ((LCOA2, b"former"), (LCOA, b"present")):
        send_raw("ms", tunnelled(MS, care_of, tunnelled(HA, GCOA, plain_udp(CN, HOME, payload=word))))
    assert got.recv(100) == b"present"
    stop_all(ms, ha, mh)


def loses_no_packet_when_it_goes_to_another_server():
    """As above, and the home agent changes over while both servers' tunnels are accepted."""
    other, gcoa = "2001:db8:f2::1", "2001:db8:f2::aa"
    ms, ha, mh = whole_way()
    on("ms", f"ip -6 addr add {other}/128 dev lo")
    ms.do(f"prefix 2001:db8:f2:: 64 {other} 0 routed")
    ms.do(f"put encap {gcoa} local {other} remote {LCOA}")
    streams = BothWays(500)
    here, there = (GCOA, MS), (gcoa, other)
    for was, now in ((here, there), (there, here)):
        time.sleep(0.3)
        for used, kept in ((was, now), (now, was)):
            mh.do(f"put home {HOME} hop {used[0]} {HA} hop {LCOA} {used[1]} "
                  f"accept {kept[0]} {HA} accept {LCOA} {kept[1]}")
            ha.do(f"put encap {HOME} local {HA} remote {now[0]}")
            time.sleep(0.1)
    time.sleep(0.5)
    streams.stop()
    on("ms", f"ip -6 addr del {other}/128 dev lo")
    stop_all(ms, ha, mh)


def tells_the_mobile_hosts_programs_of_a_narrow_path():
    """What fits into the tunnels there, with both headers around it."""
    mh, wire = Driver("mh"), Tap("mh", "wan")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    s = socket_in("mh", socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO)
    s.bind((HOME, 4000))
    s.connect((CN, 4001))
    s.send(b"x" * 1300)
    p = wire.until(lambda p: p.src == LCOA and p.next == 41)
    # A router on the way says so, and the kernel hears it; the plugin has it from its host.
    send_raw("ms", error(AR, LCOA, 2, 0, 1400, p.octets))
    mh.do(f"mtu {MS} 1400")
    told, end = None, time.monotonic() + 3
    while not (told and s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU) == 1320) and time.monotonic() < end:
        try:
            s.send(b"x" * 1300)
        except OSError as e:
            told = e.errno
        time.sleep(0.02)
    assert (told, s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)) == (errno.EMSGSIZE, 1320)
    s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    wire.drain()
    s.send(b"y" * (1320 - 48))
    p = wire.until(lambda p: p.src == LCOA and p.next == 41)
    assert (p.dst, p.length, p.inner.inner.length) == (MS, 1360, 1280), p
    mh.stop()


def takes_what_is_under_way_through_former_tunnels():
    """Each packet once, though the address that it was for is given up."""
    other, mh, got = "2001:db8:f::bb", Driver("mh"), receiver("mh", "::")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    mh.do(f"put home {HOME} hop {other} {HA} hop {LCOA2} {MS} accept {GCOA} {HA} accept {LCOA} {MS}")
    _arrive_once(got, [(other, LCOA2), (GCOA, LCOA), (other, LCOA), (GCOA, LCOA2)])
    mh.stop()


def delivers_once_what_is_tunnelled_beside_optimised_routes():
    mh, got, wire = Driver("mh"), receiver("mh", "::"), Tap("mh", "wan")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    mh.do(f"put own {CN} home {HOME} local {LCOA}")
    mh.do(f"put peer 2001:db8:9::1 local {HOME} remote {MS}")
    _arrive_once(got, [(GCOA, LCOA)] * 3)
    udp("mh", HOME, CN)
    assert wire.until(lambda p: p.dst == CN).next == 60
    udp("mh", HOME, "2001:db8:c::77")
    wire.until(lambda p: (p.src, p.dst, p.next) == (LCOA, MS, 41) and p.inner.inner.dst == "2001:db8:c::77")
    mh.do(f"del own {CN} home {HOME}")
    mh.do("del peer 2001:db8:9::1")
    wire.drain()
    udp("mh", HOME, CN)
    p = wire.until(lambda p: p.next == 41 and p.inner.inner.dst == CN)
    assert (p.src, p.inner.src) == (LCOA, GCOA), p
    _arrive_once(got, [(GCOA, LCOA)] * 3)
    mh.stop()


def _arrive_once(got, ends):
    """Datagrams through tunnels to these care-of addresses arrive, and no copies of them."""
    sent = [b"%d %d" % (i, len(ends)) for i in range(len(ends))]
    for word, (gcoa, lcoa) in zip(sent, ends):
        send_raw("ms", tunnelled(MS, lcoa, tunnelled(HA, gcoa, plain_udp(CN, HOME, payload=word))))
    came = []
    while select.select([got], [], [], 1)[0]:
        came.append(got.recv(100))
    assert sorted(came) == sorted(sent), came


def sends_whole_packets_where_the_path_is_narrow():
    """1280 octets do not fit into it with two tunnels around them."""
    ms, ha, mh = whole_way()
    mh.do(f"mtu {MS} 1340")
    wire = Tap("mh", "wan")
    ping("mh", CN, "-I", HOME, "-s", "1232")
    assert wire.until(lambda p: p.src == LCOA and p.next == 44).length <= 1300
    stop_all(ms, ha, mh)


def believes_a_path_to_be_narrow_for_ten_minutes():
    needs("clock")
    ms, ha, mh = whole_way()
    mh.do(f"mtu {MS} 1340")
    ping("cn", HOME)
    for after, narrow in ((590000, True), (20000, False)):
        mh.do(f"clock {after}")
        mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")  # as a mobile host does at each move
        wire = Tap("mh", "wan")
        ping("mh", CN, "-I", HOME, "-s", "1232")
        came = wire.all(0.3)
        assert any(p.src == LCOA and p.next == 44 for p in came) == narrow, came
    ping("cn", HOME, count=6)
    in_kernel(mh, "tunnelled_in", "tunnelled_out")
    stop_all(ms, ha, mh)


def leaves_nothing_when_the_mobile_host_comes_home():
    mh = Driver("mh")
    before = snapshot("mh")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    away = on("mh", "ip -6 addr")
    assert HOME in away and re.search(GCOA + r"/128 scope global .*deprecated", away), away
    mh.do(f"del home {HOME}")
    unchanged("mh", before)
    mh.stop()
