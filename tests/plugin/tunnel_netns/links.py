"""What happens to links and neighbours under a running plugin."""

import socket, struct, time

from .lab import ADDRESSES, AR, CN, GCOA, HOME, LCOA, LCOA2, LINKS, MS, ROUTES, Skip, Tap, Under, assign, on, plug, \
    server, settings, socket_in, stop_all, whole_way
from .packets import UDP, Packet, is_error, is_tunnel, plain_udp, tunnelled
from .traffic import ping, send_raw, udp

LAST = LINKS[2]


def _works_both_ways(link="wan"):
    """One packet each way, and each arrives."""
    wire, out = Tap("mh", link), Tap("cn", "wan")
    udp("cn", CN, GCOA)
    p = wire.until(lambda p: is_tunnel(p) and p.dst == LCOA, 5)
    assert (p.src, p.inner.dst) == (MS, GCOA), p
    send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
    out.until(lambda p: p.src == GCOA, 5)


def _make_anew(link):
    on(link[0], f"ip link del dev {link[1]}")
    time.sleep(0.2)
    plug(*link)
    for node, route in ROUTES:
        on(node, f"ip -6 route replace {route}")


def goes_on_when_a_link_is_made_anew():
    ms = server()
    _works_both_ways()
    for link in (LAST, LINKS[1], LAST):
        _make_anew(link)
        _works_both_ways()
    ms.stop()


def goes_on_when_the_mobile_hosts_link_is_made_anew():
    ms, ha, mh = whole_way()
    ping("cn", HOME)
    _make_anew(LAST)
    ping("cn", HOME, count=1, check=False)
    ping("cn", HOME)
    ping("mh", CN, "-I", HOME)
    stop_all(ms, ha, mh)


def goes_on_when_a_link_is_renamed():
    ms = server()
    _works_both_ways()
    on("ms", "ip link set dev lan down")
    on("ms", "ip link set dev lan name access0")
    on("ms", "ip link set dev access0 up")
    assign("ms", "lan", "access0")
    _works_both_ways()
    ms.stop()


def goes_on_when_link_addresses_change():
    ms, ha, mh = whole_way()
    ping("cn", HOME)
    on("mh", "ip link set dev wan address 02:00:00:00:99:01")
    ping("cn", HOME, count=1, check=False)
    ping("cn", HOME)
    on("ms", "ip link set dev lan address 02:00:00:00:99:02")
    ping("mh", CN, "-I", HOME, count=1, check=False)
    ping("cn", HOME)
    stop_all(ms, ha, mh)


def follows_a_neighbour_that_says_nothing_of_its_new_address():
    """Neighbour Unreachability Detection finds it; until then some packets are lost."""
    # A neighbour once reachable keeps the time it was given then.
    on("ms", "sysctl -qw net.ipv6.neigh.lan.base_reachable_time_ms=1000")
    on("ms", "sysctl -qw net.ipv6.neigh.lan.delay_first_probe_time=1")
    on("ms", "ip -6 neigh flush all", False)
    ms, ha, mh = whole_way()
    ping("cn", HOME)
    on("mh", "sysctl -qw net.ipv6.conf.wan.ndisc_notify=0")
    on("mh", "ip link set dev wan address 02:00:00:00:99:03")
    end = time.monotonic() + 20
    while " 0% packet loss" not in ping("cn", HOME, count=2, check=False):
        assert time.monotonic() < end, on("ms", "ip -6 neigh")
    stop_all(ms, ha, mh)


def loses_no_packet_to_a_neighbour_that_is_not_resolved_yet():
    ms, wire, out = server(), Tap("mh", "wan"), Tap("cn", "wan")
    for _ in range(3):
        on("ms", "ip -6 neigh flush all", False)
        udp("cn", CN, GCOA)
        wire.until(lambda p: is_tunnel(p) and p.dst == LCOA)
        on("ms", "ip -6 neigh flush all", False)
        send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
        out.until(lambda p: p.src == GCOA)
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA2}")
    udp("cn", CN, GCOA)
    wire.until(lambda p: is_tunnel(p) and p.dst == LCOA2)
    ms.stop()


def learns_the_new_mtu_of_a_link():
    ms, back, wire = server(), Tap("cn", "wan"), Tap("mh", "wan")
    for node, link in (("ms", "lan"), ("mh", "wan")):
        on(node, f"ip link set dev {link} mtu 1400")
    told = []
    for _ in range(4):
        # The first one may be lost: that is how a plugin in user space finds out.
        send_raw("cn", plain_udp(CN, GCOA, 1452 - 48))
        told += [int.from_bytes(p.body[4:8], "big") for p in back.all(0.3) if is_error(2)(p)]
    assert told and set(told) == {1360}, told
    assert not [p for p in wire.all(0.1) if p.dst == GCOA], "left outside the tunnel"
    send_raw("cn", plain_udp(CN, GCOA, 1360 - 48))
    assert wire.until(is_tunnel).length == 1360
    ms.stop()


def works_again_when_a_link_was_down():
    ms = server()
    _works_both_ways()
    on("ms", "ip link set dev lan down")
    udp("cn", CN, GCOA)
    on("ms", "ip link set dev lan up")
    assign("ms", "lan")
    time.sleep(0.1)
    _works_both_ways()
    ms.stop()


def goes_on_while_neighbours_only_grow_older():
    """A plugin that remembers next hops asks for them again when they change, not when they age."""
    ms, wire = server(), Tap("mh", "wan")
    on("ms", "sysctl -qw net.ipv6.neigh.lan.base_reachable_time_ms=500 net.ipv6.neigh.lan.delay_first_probe_time=1")
    for _ in range(400):
        udp("cn", CN, GCOA)
        wire.until(is_tunnel)
        time.sleep(0.02)
    looked_up = ms.stats().get("bpf_next_hops_looked_up", 0)
    assert looked_up <= 8, f"{looked_up} look-ups for 400 packets to one neighbour that stayed where it was"
    ms.stop()


def asks_no_more_often_for_a_next_hop_when_there_is_more_to_send():
    ms, wire = server(), Tap("mh", "wan")
    udp("cn", CN, GCOA)
    wire.until(is_tunnel)
    before, start = ms.stats().get("bpf_next_hops_looked_up", 0), time.monotonic()
    s, octets = socket_in("cn", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW), plain_udp(CN, GCOA)
    for _ in range(8000):
        s.sendto(octets, (GCOA, 0))
    took, looked_up = time.monotonic() - start, ms.stats().get("bpf_next_hops_looked_up", 0) - before
    assert looked_up <= 5 + took * 8, f"{looked_up} look-ups for 8000 packets in {took:.2f} s"
    ms.stop()


def keeps_other_next_hops_when_a_neighbour_goes():
    ms, wire = server(), Tap("mh", "wan")
    for number, (state, lladdr) in enumerate((("reachable", "02:00:00:00:99:04"), ("failed", ""),
                                              ("reachable", "02:00:00:00:99:05"), ("reachable", "02:00:00:00:99:06"))):
        for _ in range(20):
            udp("cn", CN, GCOA)
            wire.until(is_tunnel)
        looked_up = ms.stats().get("bpf_next_hops_looked_up", 0)
        on("ms", f"ip -6 neigh replace 2001:db8:a::77 dev lan nud {state}" + (lladdr and f" lladdr {lladdr}"))
        time.sleep(0.2)
        udp("cn", CN, GCOA)
        wire.until(is_tunnel)
        assert ms.stats().get("bpf_next_hops_looked_up", 0) == looked_up, f"anew after {number}: {state} {lladdr}"
    ms.stop()


VLAN, STRANGE_VLAN = 7, 9


class _Tags:
    """What passes an interface with its VLAN tags, which the kernel keeps beside the packet."""

    def __init__(self, node, interface):
        self.s = socket_in(node, socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.s.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
        self.s.settimeout(0.5)
        self.s.bind((interface, 3))

    def of(self, want):
        """The tags of the packets wanted, None for none, until nothing comes any more."""
        tags = []
        try:
            while True:
                octets, aux, _, where = self.s.recvmsg(2000, 256)
                if where[1] not in (0x86DD, 0x8100) or len(octets) < 44:
                    continue
                status, tag = struct.unpack("=I12xH", aux[0][2][:18])
                tagged = bool(status & 0x10)  # TP_STATUS_VLAN_VALID
                if where[1] == 0x8100:
                    tagged, tag, octets = True, int.from_bytes(octets[:2], "big"), octets[4:]
                if want(Packet(octets)):
                    tags.append(tag & 0xFFF if tagged else None)
        except TimeoutError:
            return tags


def _move_into_vlan(node, interface, number=VLAN):
    """The interface's addresses go to a VLAN on it."""
    vlan = f"{interface}.{number}"
    try:
        on(node, f"ip link add link {interface} name {vlan} type vlan id {number}")
    except AssertionError as e:
        raise (Skip("this kernel has no VLANs (8021q)") if "Unknown device type" in str(e) else e) from None
    settings(node, {f"conf/{vlan}/accept_dad": 0})
    for address in ADDRESSES[node, interface]:
        on(node, f"ip addr del {address}/64 dev {interface}")
    on(node, f"ip link set dev {vlan} up")
    assign(node, interface, vlan)


def _told(driver, **wanted):
    """The plugin says so of these interfaces, where it tells how it serves each."""
    end = time.monotonic() + 5
    while Under.name == "bpf":
        said = dict(part.split(": ", 1) for part in driver.do("detail").split("; "))
        if all(said.get(name.replace("_", ".")) == text for name, text in wanted.items()):
            return
        assert time.monotonic() < end, said
        time.sleep(0.05)


def serves_vlans_with_their_tags():
    """Both of the server's links become VLANs under the running plugin. The virtual links hand tags on beside
    the packet, as hardware does that takes them off: what looks at the packet alone sees none."""
    ms = server()
    _works_both_ways()
    as_asked = "xdp native" if "path=xdp" in Under.options else "tc"
    _told(ms, wan=as_asked, lan=as_asked)
    for a, x, b, y in LINKS[1:]:
        _move_into_vlan(a, x)
        _move_into_vlan(b, y)
    for node, route in ROUTES:
        on(node, f"ip -6 route replace {route}")
    _told(ms, wan="tc, carries a VLAN", lan="tc, carries a VLAN", wan_7="tc, a VLAN", lan_7="tc, a VLAN")
    _works_both_ways(f"wan.{VLAN}")
    carried = ("bpf_encapsulated", "bpf_decapsulated")
    before, down, up = ms.stats(), _Tags("mh", "wan"), _Tags("ha", "in")
    for _ in range(20):
        udp("cn", CN, GCOA)
        send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
        time.sleep(0.01)
    tags = down.of(lambda p: is_tunnel(p) and p.dst == LCOA and p.inner.next == UDP), up.of(lambda p: p.src == GCOA)
    assert tags == ([VLAN] * 20, [VLAN] * 20), tags
    if Under.name == "bpf":
        after = ms.stats()
        assert all(after[name] - before[name] >= 15 for name in carried), (before, after)
    for interface in ("wan", "lan"):
        on("ms", f"ip link del dev {interface}.{VLAN}")
    _told(ms, wan=as_asked, lan=as_asked)
    ms.stop()


def _lead_into_strange_vlan(node, interface, to, gateway, lladdr):
    vlan = f"{interface}.{STRANGE_VLAN}"
    _move_into_vlan(node, interface, STRANGE_VLAN)
    on(node, f"ip -6 neigh replace {gateway} lladdr {lladdr} dev {vlan} nud permanent")
    on(node, f"ip -6 route replace {to} via {gateway} dev {vlan}")


def leaves_alone_a_vlan_that_is_not_here():
    """A tag beside the packet, of a VLAN that this machine has no interface for, next to one that it has."""
    ms, wire, out = server(), Tap("mh", "wan"), Tap("cn", "wan")
    _works_both_ways()
    stations = [on("ms", f"cat /sys/class/net/{interface}/address").strip() for interface in ("wan", "lan")]
    _lead_into_strange_vlan("ha", "in", GCOA, ADDRESSES["ms", "wan"][0], stations[0])
    _lead_into_strange_vlan("mh", "wan", MS, AR, stations[1])
    for interface in ("wan", "lan"):
        on("ms", f"ip link add link {interface} name {interface}.{VLAN} type vlan id {VLAN}")
    _told(ms, wan="tc, carries a VLAN", lan="tc, carries a VLAN")
    wire.drain()
    out.drain()
    before = ms.stats()
    for _ in range(5):
        send_raw("ha", plain_udp(CN, GCOA))
        send_raw("mh", tunnelled(LCOA, MS, plain_udp(GCOA, CN)))
    out.never(lambda p: p.src == GCOA)
    wire.never(lambda p: is_tunnel(p) and p.dst == LCOA)
    taken = {name: n - before[name] for name, n in ms.stats().items() if "capsulated" in name and n > before[name]}
    assert not taken, taken
    ms.stop()
