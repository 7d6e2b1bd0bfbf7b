"""Route optimisation: either side, both at once, and whom to believe."""

import time

from .lab import CN, GCOA, HA, HOME, LCOA, LCOA2, MS, Driver, Tap, in_kernel, server, stop_all
from .packets import text, with_home, with_routing
from .traffic import ping, receiver, send_raw, transfer


def route_optimised(mh_more, peer_at, ms=None):
    cn, mh = Driver("cn"), Driver("mh")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    mh.do(f"put own {CN} home {HOME} local {peer_at} {mh_more}")
    cn.do(f"put peer {HOME} local {CN} remote {peer_at} attract")
    wire = Tap("cn", "wan")
    ping("cn", HOME)
    p = wire.until(lambda p: p.src == CN and p.next != 58)
    assert (p.dst, p.next) == (peer_at, 43), p
    assert p.body[1:4] == b"\x02\x02\x01" and text(p.body[8:24]) == HOME, p.body[:24].hex()
    p = wire.until(lambda p: p.dst == CN and p.next != 58)
    assert (p.src, p.next) == (peer_at, 60), p
    assert p.body[:8].hex() == "3a02010200 00c910".replace(" ", ""), p.body[:8].hex()
    assert text(p.body[8:24]) == HOME, p.body[:24].hex()
    ping("mh", CN, "-I", HOME)
    transfer("cn", CN, "mh", HOME)
    transfer("mh", HOME, "cn", CN)
    cn.has_seen(f"bound {HOME} {CN}")
    assert not mh.seen, mh.seen
    for driver in (cn, mh):
        in_kernel(driver, "optimised_in", "optimised_out")
    stop_all(cn, mh)


def optimises_routes_with_the_address_on_the_link():
    route_optimised("", LCOA)


def optimises_routes_through_the_mobility_server():
    ms = server()
    route_optimised(f"hop {LCOA} {MS}", GCOA)
    ms.stop()


def believes_home_addresses_only_as_bound():
    cn = Driver("cn")
    cn.do(f"put peer {HOME} local {CN} remote {LCOA} attract")
    got = receiver("cn", CN)
    send_raw("mh", with_home(LCOA2, CN, HOME, 11))
    send_raw("mh", with_home(LCOA, CN, "2001:db8:1::bb", 12))
    send_raw("mh", with_home(LCOA, CN, HOME, 13))
    data, sender = got.recvfrom(100)
    assert (len(data), sender[0]) == (13, HOME), (data, sender)
    cn.stop()


def sizes_of(got, expected):
    """What arrives from CN, in any order: the plugin may know a faster way for some of it."""
    sizes = []
    try:
        while True:
            got.settimeout(3 if set(expected) - set(sizes) else 0.3)
            data, sender = got.recvfrom(100)
            assert sender[0] == CN, sender
            sizes.append(len(data))
    except TimeoutError:
        return sorted(sizes)


def takes_routing_headers_of_type_0_where_the_site_says_so():
    for allowed in (False, True):
        mh = Driver("mh", "accept-rh0=" + ("yes" if allowed else "no"))
        mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
        mh.do(f"put own {CN} home {HOME} local {LCOA}")
        got = receiver("mh", HOME)
        for packet in (with_routing(CN, LCOA, HOME, 1, kind=0),
                       with_routing(CN, LCOA, HOME, 2, kind=0, left=0),
                       with_routing(CN, LCOA, HOME, 3, kind=0, more=[LCOA2]),
                       with_routing(CN, LCOA, "2001:db8:1::bb", 4, kind=0),
                       with_routing(CN, LCOA, LCOA, 5, kind=0),
                       with_routing(CN, LCOA, HOME, 6, kind=3),
                       with_routing(CN, LCOA, HOME, 7)):
            send_raw("cn", packet)
        expected = [1, 7] if allowed else [7]
        sizes = sizes_of(got, expected)
        assert sizes == expected, (allowed, sizes)
        got.close()
        mh.stop()


def reports_traffic_within_a_second_and_once_a_second():
    """The plugin interface's promise about `seen`; the bounds allow for a busy machine."""
    cn = Driver("cn")
    cn.do(f"put peer {HOME} local {CN} remote {LCOA} attract")
    what = f"bound {HOME} {CN}"
    send_raw("mh", with_home(LCOA, CN, HOME, 13))
    cn.has_seen(what, 2)
    first = cn.seen.count(what)
    for _ in range(60):
        send_raw("mh", with_home(LCOA, CN, HOME, 13))
        time.sleep(0.05)
    later = cn.seen.count(what) - first
    assert 2 <= later <= 5, f"{later} reports in three seconds"
    cn.stop()


def optimises_routes_between_two_mobile_hosts():
    """The correspondent is mobile too: both headers in each packet."""
    home2, coa2 = "2001:db8:2::bb", CN
    cn, mh = Driver("cn"), Driver("mh")
    mh.do(f"put home {HOME} hop {LCOA} {HA}")
    mh.do(f"put own {home2} home {HOME} local {LCOA}")
    mh.do(f"put peer {home2} local {LCOA} remote {coa2} attract")
    cn.do(f"put home {home2} hop {coa2} {HA}")
    cn.do(f"put own {HOME} home {home2} local {coa2}")
    cn.do(f"put peer {HOME} local {coa2} remote {LCOA} attract")
    wire = Tap("cn", "wan")
    ping("cn", HOME, "-I", home2)
    p = wire.until(lambda p: p.src == coa2 and p.next != 58)
    assert (p.dst, p.next, p.body[0]) == (LCOA, 43, 60), p
    transfer("cn", home2, "mh", HOME)
    transfer("mh", HOME, "cn", home2)
    stop_all(cn, mh)
