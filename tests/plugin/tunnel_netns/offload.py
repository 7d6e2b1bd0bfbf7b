"""Super-packets and unfinished checksums on the way."""

import time

from .lab import CN, GCOA, HA, HOME, LCOA, LINKS, MS, Driver, Skip, Tap, deny_nothing, on, stop_all, \
    whole_way
from .routeopt import route_optimised
from .traffic import ping, transfer


def survives_receive_offload():
    """With GRO the capture sees super-packets, and must pass them on as such."""
    ends = [(node, interface) for a, x, b, y in LINKS for node, interface in ((a, x), (b, y))]
    for node, interface in ends:
        # Without segmentation offload veth sends single packets, which its other end merges.
        on(node, f"ethtool -K {interface} tso off gro on")
        on(node, f"sh -c 'echo 1000000 > /sys/class/net/{interface}/gro_flush_timeout'")
    ms, ha, mh = whole_way()
    transfer("cn", CN, "mh", HOME, 4000000)
    transfer("mh", HOME, "cn", CN, 4000000)
    # The kernel merges packets one tunnel deep, no deeper.
    mh.do(f"put home {HOME} hop {LCOA} {HA}")
    ha.do(f"put encap {HOME} local {HA} remote {LCOA}")
    wire = Tap("mh", "wan")
    transfer("cn", CN, "mh", HOME, 8000000)
    merged = wire.until(lambda p: p.next == 41 and p.length > 2000)
    assert (merged.src, merged.dst) == (HA, LCOA), merged
    transfer("mh", HOME, "cn", CN, 8000000)
    for driver in (ms, ha, mh):
        stats = driver.stats()
        assert stats.get("inject_failed", 0) + stats.get("capture_lost", 0) == 0, stats
    stop_all(ms, ha, mh)
    route_optimised("", LCOA)


def optimises_routes_with_every_kind_of_offload():
    """Checksums left to the device, and finished by the sender; headers move in both."""
    for off in ("tx off", "tso off", "gso off", "gro off"):
        on("cn", f"ethtool -K wan {off}")
        on("mh", f"ethtool -K wan {off}")
        route_optimised("", LCOA)


def carries_a_large_transfer():
    ms, ha, mh = whole_way()
    for sender, source, receiver, to in (("cn", CN, "mh", HOME), ("mh", HOME, "cn", CN)):
        start = time.monotonic()
        transfer(sender, source, receiver, to, 40000000)
        print(f"# TCP {sender} to {receiver}: {0.32 / (time.monotonic() - start):.1f} Gbit/s, start and all")
    stop_all(ms, ha, mh)


def carries_what_a_tunnels_end_itself_sends():
    """Checksums and segments are left to a device that does not come before the tunnel."""
    ms, ha, mh = whole_way()
    for node, own, there in (("ms", MS, GCOA), ("ha", HA, HOME)):
        transfer(node, own, "mh", there, 8000000)
        transfer("mh", there, node, own, 8000000)
    stop_all(ms, ha, mh)


def sends_to_servers_in_user_space():
    """Super-packets two tunnels deep, of which they take one off: what is left must be cut there."""
    ms, ha, mh = whole_way(servers="tun")
    for node in ("ms", "ha"):
        deny_nothing(node)
    for sender, source, receiver, to in (("cn", CN, "mh", HOME), ("mh", HOME, "cn", CN)):
        transfer(sender, source, receiver, to, 8000000)
    assert ms.stats()["inject_failed"] == 0, ms.stats()
    stop_all(ms, ha, mh)


def takes_unfinished_packets_from_a_tunnel_of_the_kernel():
    """A sender on the same machine leaves checksums and segmentation to a device that never comes."""
    on("cn", "sysctl -qw net.ipv6.conf.all.seg6_enabled=1", False)
    try:
        on("cn", f"ip -6 route add {HOME}/128 mtu 1400 encap seg6 mode encap.red segs {LCOA} via 2001:db8:c::2")
    except AssertionError as e:
        raise Skip(f"no tunnels in this kernel: {e}")
    ha, mh = Driver("ha"), Driver("mh")
    ha.do(f"put encap {HOME} local {HA} remote {LCOA}")
    mh.do(f"put home {HOME} hop {LCOA} {HA} accept {LCOA} {CN}")
    wire = Tap("mh", "wan")
    ping("cn", HOME)
    transfer("cn", CN, "mh", HOME, 8000000)
    wire.until(lambda p: p.src == CN and p.next == 41 and p.length > 2000)
    assert mh.stats().get("inject_failed", 0) == 0, mh.stats()
    stop_all(ha, mh)
