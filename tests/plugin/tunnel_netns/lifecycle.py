"""Entries that move, many of them, and processes that come and go."""

import time

from .lab import CN, GCOA, HA, HOME, LCOA, LCOA2, MS, Driver, Tap, lacks, needs, on, server, snapshot, stop_all, \
    unchanged, whole_way
from .packets import addr, is_tunnel, numbered, plain_udp, text, tunnelled
from .traffic import BothWays, Crafted, Stream, Tally, receiver, send_raw, udp


def loses_nothing_when_a_binding_moves():
    """200 moves between two care-of addresses under a steady stream. Both are neighbours that the server
    knows: a packet that waits for one to answer may come behind others."""
    ms, wire = server(), Tap("mh", "wan")
    for remote in (LCOA2, LCOA):
        ms.do(f"put encap {GCOA} local {MS} remote {remote}")
        _is_bound(wire, GCOA, remote)
    stream = Stream("cn", GCOA, 2000)
    packets = []
    for i in range(200):
        ms.do(f"put encap {GCOA} local {MS} remote {LCOA if i % 2 else LCOA2}")
        packets += wire.all(0, 200) if i % 8 == 0 else []
        time.sleep(0.01)
    sent = stream.stop()
    packets += wire.all()
    tally = Tally(packets, sent)
    assert not tally.lost and not tally.duplicated and not tally.late, (tally, ms.stats())
    ends = [p.dst for p in packets if p.dst in (LCOA, LCOA2)]
    moves = sum(was != now for was, now in zip(ends, ends[1:]))
    assert moves > 50, f"it moved {moves} times under {sent} packets"
    assert not [p for p in packets if p.dst == GCOA], "left outside the tunnel"
    ms.stop()


def _is_bound(wire, gcoa, remote):
    udp("cn", CN, gcoa)
    p = wire.until(is_tunnel)
    assert (p.dst, p.inner.dst) == (remote, text(addr(gcoa))), (p, p.inner)


def carries_a_hundred_thousand_bindings():
    ms, wire = server(), Tap("mh", "wan")
    before = ms.memory_kb()
    took = int(ms.do(f"bulk 100000 2001:db8:f::1:0 local {MS} remote {LCOA}"))
    print(f"# 100000 entries in {took} ms, {ms.memory_kb() - before} kB more of the process")
    samples = [f"2001:db8:f::{last}" for last in ("1:0", "1:869f", "2:1", "2:869f")]
    for gcoa in samples:
        _is_bound(wire, gcoa, LCOA)
    ms.do(f"put encap {samples[1]} local {MS} remote {LCOA2}")
    _is_bound(wire, samples[1], LCOA2)
    _is_bound(wire, samples[2], LCOA)
    took = int(ms.do(f"bulk 100000 2001:db8:f::1:0 local {MS} remote {LCOA2}"))
    print(f"# moved in {took} ms")
    for gcoa in samples:
        _is_bound(wire, gcoa, LCOA2)
    back = Tap("cn", "wan")
    ms.do(f"del encap {samples[3]}")
    udp("cn", CN, samples[3])
    back.until(lambda p: p.next == 58 and p.body[0] == 1)
    _is_bound(wire, samples[2], LCOA2)
    wire.never(lambda p: is_tunnel(p) and p.inner.dst == samples[3], 0.1)
    took = int(ms.do("bulk-del 100000 2001:db8:f::1:0"))
    print(f"# deleted in {took} ms")
    back.drain()
    udp("cn", CN, samples[0])
    back.until(lambda p: p.next == 58 and p.body[0] == 1)
    ms.stop()


def adopts_what_a_crash_left():
    fresh = on("mh", "ip -6 rule")
    mh, ms = Driver("mh"), server()
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    mh.do(f"put encap 2001:db8:77::1 local {LCOA} remote {MS} attract")
    ms.do(f"put encap 2001:db8:78::1 local {MS} remote {LCOA} attract")
    mh.kill()
    ms.kill()
    assert HOME in on("mh", "ip -6 addr")
    mh, ms = Driver("mh"), Driver("ms")
    ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 routed")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA}")
    mh.do(f"put home {HOME} hop {LCOA2} {HA}")
    mh.do("sweep")
    ms.do("sweep")
    assert "2001:db8:78::1" not in on("ms", "ip -6 route show table all")
    assert "2001:db8:77::1" not in on("mh", "ip -6 route show table all")
    assert GCOA not in on("mh", "ip -6 addr") and HOME in on("mh", "ip -6 addr")
    assert LCOA not in on("mh", "ip -6 rule"), on("mh", "ip -6 rule")
    wire = Tap("mh", "wan")
    udp("cn", CN, GCOA)
    wire.until(is_tunnel)
    mh.do(f"del home {HOME}")
    assert on("mh", "ip -6 rule") == fresh, on("mh", "ip -6 rule")
    stop_all(mh, ms)


def keeps_everything_when_stopped_for_an_upgrade():
    before = snapshot("mh")
    mh = Driver("mh")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    with_it = on("mh", "ip -6 rule")
    mh.stop("keep")
    assert on("mh", "ip -6 rule") == with_it
    assert HOME in on("mh", "ip -6 addr")
    mh = Driver("mh")
    mh.stop()
    unchanged("mh", before)


def leaves_nothing_when_stopped():
    before = {node: snapshot(node) for node in ("ms", "mh")}
    ms, mh = server(), Driver("mh")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    mh.do(f"put own {CN} home {HOME} local {LCOA}")
    mh.do(f"put peer 2001:db8:9::1 remote {MS} attract")
    ms.do(f"put encap 2001:db8:78::1 local {MS} remote {LCOA} attract")
    stop_all(ms, mh)
    for node in before:
        unchanged(node, before[node])


def sweeps_what_is_not_put_again():
    before = snapshot("ms")
    ms = Driver("ms")
    ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 routed")
    ms.do(f"prefix 2001:db8:e0:: 64 {MS} 0 routed")
    for gcoa in (GCOA, "2001:db8:f::ab", "2001:db8:e0::ac"):
        ms.do(f"put encap {gcoa} local {MS} remote {LCOA}")
    ms.kill()
    ms = Driver("ms")
    ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 routed")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA2}")
    ms.do("sweep")
    wire, out = Tap("mh", "wan"), Tap("cn", "wan")
    udp("cn", CN, "2001:db8:f::ab")
    out.until(lambda p: p.next == 58 and p.body[:2] == bytes([1, 3]))
    udp("cn", CN, "2001:db8:e0::ac")
    out.until(lambda p: p.next == 58 and p.body[:2] == bytes([1, 0]))  # the machine has no route
    udp("cn", CN, GCOA)
    p = wire.until(is_tunnel)
    assert (p.dst, p.inner.dst) == (LCOA2, GCOA), (p, p.inner)
    send_raw("mh", tunnelled(LCOA, MS, plain_udp("2001:db8:f::ab", CN)))
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
    out.never(lambda p: p.src in (GCOA, "2001:db8:f::ab"))
    ms.stop()
    unchanged("ms", before)


def leaves_nothing_when_stopped_after_a_crash():
    before = {node: snapshot(node) for node in ("ms", "mh")}
    ms, mh = server(), Driver("mh")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    mh.do(f"put peer 2001:db8:9::1 remote {MS} attract")
    ms.do(f"put encap 2001:db8:78::1 local {MS} remote {LCOA} attract")
    ms.kill()
    mh.kill()
    for node in before:
        Driver(node).stop()
        unchanged(node, before[node])


def goes_for_another_plugin_after_a_crash():
    """What the one under test left does not forward beside the other."""
    before = {node: snapshot(node) for node in ("ms", "mh")}
    ms, mh = server(), Driver("mh")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    ms.kill()
    mh.kill()
    ms, mh, wire = Driver("ms", plugin="tun"), Driver("mh", plugin="tun"), Tap("mh", "wan")
    ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 routed")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA2}")
    mh.do(f"put home {HOME} hop {LCOA2} {HA}")
    ms.do("sweep")
    mh.do("sweep")
    udp("cn", CN, GCOA)
    assert wire.until(is_tunnel).dst == LCOA2
    udp("mh", HOME, CN)
    assert wire.until(lambda p: p.dst == HA).src == LCOA2
    stop_all(ms, mh)
    for node in before:
        unchanged(node, before[node])


def forwards_while_it_is_upgraded():
    """A stream each way across the time between two processes, of neighbours that know each other."""
    ms, wire, out, taken = server(), Tap("mh", "wan"), Tap("cn", "wan"), receiver("cn", CN)
    _is_bound(wire, GCOA, LCOA)
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
    out.until(lambda p: p.dst == CN)
    streams = Stream("cn", GCOA, 2000), Crafted("mh", lambda n: tunnelled(LCOA, MS, numbered(GCOA, CN, n)), 500)
    time.sleep(1)
    ms.stop("keep")
    time.sleep(0.5)
    ms = server()
    ms.do("sweep")
    time.sleep(0.5)
    sent = [stream.stop() for stream in streams]
    tallies = [Tally([p for p in tap.all() if p.dst == to], n)
               for tap, to, n in ((wire, LCOA, sent[0]), (out, CN, sent[1]))]
    taken.close()
    ms.stop()
    for tally in tallies:
        assert not tally.duplicated and not tally.late, tally
        if not lacks("gap"):
            assert not tally.lost, tally
            continue
        print(f"# {lacks('gap')}: {tally}")
        assert tally.lost == list(range(tally.lost[0], tally.lost[-1] + 1)), f"lost outside of the pause: {tally}"
        assert 1 < tally.lost[0] and tally.lost[-1] < tally.sent, f"does not go on: {tally}"


def _goes_on_without_a_process(run, nodes):
    """Streams between the correspondent and the mobile host while the processes on the nodes end, in
    either way, and come back: run(NODE) starts one and puts its entries."""
    drivers = {node: run(node) for node in nodes}
    streams = BothWays(1000)
    for how in ("keep", "kill"):
        time.sleep(0.5)
        for driver in drivers.values():
            driver.kill() if how == "kill" else driver.stop(how)
        time.sleep(0.5)
        drivers = {node: run(node) for node in nodes}
        for driver in drivers.values():
            driver.do("sweep")
        streams.take()
    time.sleep(0.5)
    streams.stop()
    stop_all(*drivers.values())


def _goes_on_in_tunnels(under=()):
    needs("gap at hosts")
    ms, ha, mh = whole_way()
    mh.stop()

    def run(node):
        driver = Driver(node, under=under)
        driver.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
        return driver

    _goes_on_without_a_process(run, ["mh"])
    stop_all(ms, ha)


def goes_on_in_tunnels_without_a_process():
    _goes_on_in_tunnels()


def goes_on_with_the_privileges_of_the_service():
    """Those that examples/systemd leaves: to see what a former run left in the kernel may take more."""
    _goes_on_in_tunnels(["setpriv", "--bounding-set", "-all,+net_admin,+net_raw,+sys_nice,+bpf,+perfmon"])


def goes_on_with_optimised_routes_without_a_process():
    needs("gap beside")

    def run(node):
        driver = Driver(node)
        if node == "mh":
            driver.do(f"put home {HOME} hop {LCOA} {HA}")
            driver.do(f"put own {CN} home {HOME} local {LCOA}")
        else:
            driver.do(f"put peer {HOME} local {CN} remote {LCOA} attract")
        return driver

    _goes_on_without_a_process(run, ["mh", "cn"])
