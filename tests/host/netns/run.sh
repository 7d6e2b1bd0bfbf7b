#!/usr/bin/env bash
# The host layer on real sockets. A daemon with a role of one of each in a namespace of its own, two
# neighbours: capture and suppression, transit, what it adds and takes away, upgrade and crash.
set -u
daemon=$1 plugins=$2
[ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null || { echo "SKIP: needs root and namespaces"; exit 77; }
tag=hmhost$$
d=$tag-d p=$tag-p q=$tag-q
dir=$(mktemp -d)
pid=
failed=0

cleanup() {
	[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
	for ns in $d $p $q; do ip netns del $ns 2>/dev/null; done
	[ "$failed" = 0 ] || { echo "--- log"; cat "$dir/log"; }
	rm -rf "$dir"
}
trap cleanup EXIT

expect() { # NAME COMMAND...: the command succeeds within 5 s, or $tries tenths of one
	local name=$1
	shift
	for _ in $(seq "${tries:-50}"); do
		if "$@" >/dev/null 2>&1; then echo "ok - $name"; return; fi
		sleep 0.1
	done
	echo "not ok - $name: $*"
	failed=1
}
refute() { # NAME COMMAND...: the command fails
	local name=$1
	shift
	if "$@" >/dev/null 2>&1; then echo "not ok - $name: $*"; failed=1; else echo "ok - $name"; fi
}
in_d() { ip netns exec $d "$@"; }
has() { in_d sh -c "$1" | grep -q -- "$2"; }
value() { [ "$(in_d cat /proc/sys/net/ipv6/conf/$1)" = "$2" ]; }
logged() { grep -q -- "$1" "$dir/log"; }
start() {
	: >"$dir/log"
	ip netns exec $d "$daemon" "$dir/conf" 2>>"$dir/log" &
	pid=$!
	expect "$1" logged "serve roles"
	[ $failed = 0 ] || exit 1
}
stop() { # SIGNAL STATUS
	kill -"$1" $pid
	wait $pid
	local status=$?
	pid=
	[ $status = "$2" ] || { echo "not ok - status $status after SIG$1"; failed=1; }
}

for ns in $d $p $q; do
	ip netns add $ns
	ip -n $ns link set lo up
done
ip link add p0 netns $d type veth peer name d0 netns $p
ip link add q0 netns $d type veth peer name d0 netns $q
for pair in "$d p0" "$d q0" "$p d0" "$q d0"; do
	set -- $pair
	ip netns exec $1 sysctl -qw net.ipv6.conf.$2.accept_dad=0
	ip -n $1 link set $2 up
done
ip -n $d addr add 2001:db8:b::1/64 dev p0 nodad
ip -n $d addr add 2001:db8:c::1/64 dev q0 nodad
ip -n $p addr add 2001:db8:b::2/64 dev d0 nodad
ip -n $q addr add 2001:db8:c::2/64 dev d0 nodad
ip -n $p route add default via 2001:db8:b::1
ip -n $q route add default via 2001:db8:c::1
ip netns exec $d sysctl -qw net.ipv6.conf.p0.accept_dad=1

cat >"$dir/conf" <<C
[hmipd]
role = mh,ra
state-dir = $dir/state
control-socket = $dir/sock
plugin-dir = $plugins
tunnel = null
auth = none
[mh]
interface = p0
home-address = 2001:db8:1::aa/64
home-agent = 2001:db8:1::1
[ra]
interface = q0
prefix = 2001:db8:c::/64
C

# Sends a Registration Request to an address and prints the ICMPv6 types that come back.
cat >"$dir/probe.py" <<'P'
import sys
from scapy.all import *
conf.verb = 0
dst = sys.argv[1]
option = bytes.fromhex("3b03ca08804000010000025801 00c91020010db80001000000000000000000aa")
src = sys.argv[2] if len(sys.argv) > 2 else "2001:db8:b::2"
packet = IPv6(src=src, dst=dst, nh=60, hlim=64) / Raw(option)
back = AsyncSniffer(iface="d0", filter="icmp6 and (ip6[40] >= 1 and ip6[40] <= 4)", count=1, timeout=2)
back.start()
import time; time.sleep(0.3)
send(packet)
back.join()
print("types", [p[IPv6].payload.type if hasattr(p[IPv6].payload, "type") else p[IPv6].nh for p in back.results])
P


ip netns exec $p tcpdump --immediate-mode -Z root -Uni d0 -w "$dir/pcap" icmp6 2>/dev/null &
dump=$!
sleep 0.5
start "the daemon serves"
expect "forwarding is set" value all/forwarding 1
expect "the kernel no longer reads advertisements on the mobile host's link" value p0/accept_ra 0
expect "an address is added" has "ip -6 addr show dev p0" "2001:db8:77::1/64"
expect "the role hears that it is usable" logged "2001:db8:77::1.*usable\|address.*2001:db8:77::1"
refute "without a prefix route" has "ip -6 route" "2001:db8:77::/64"
expect "the default route is there" has "ip -6 route" "default via fe80::99 dev p0 proto 72 metric 100"
expect "a binding is stored and installed" logged "> bind-done"
expect "the guard is up" has "nft list tables; ip6tables -t raw -S" hmip_guard

kill $dump; wait $dump 2>/dev/null
expect "a solicitation from :: goes out" sh -c "tcpdump -nr $dir/pcap 2>/dev/null | grep -q ':: > ff02::1:ff00:1: ICMP6, neighbor solicitation, who has 2001:db8:77::1'"

types=$(ip netns exec $p /usr/bin/python3 "$dir/probe.py" 2001:db8:b::1)
[ "$types" = "types []" ] && echo "ok - no Parameter Problem comes back" || { echo "not ok - came back: $types"; failed=1; }
expect "the role hears the request" logged "> .*reg-request"
types=$(ip netns exec $p /usr/bin/python3 "$dir/probe.py" 2001:db8:c::2)
[ "$types" = "types [4]" ] && echo "ok - transit is left to its destination" || { echo "not ok - transit: $types"; failed=1; }
in_d /usr/bin/python3 - <<'P'
import socket
option = bytes.fromhex("3b03cb08804000020000025801 00c91020010db80001000000000000000000aa")
header = bytes.fromhex("6000000000203c40") + b"".join(
    socket.inet_pton(socket.AF_INET6, a) for a in ("2001:db8:b::1", "2001:db8:c::1"))
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(header + option, ("2001:db8:c::1", 0))
P
expect "a message to an own address of this machine is heard" logged "> .*reg-update"

# While the daemon stands still, what waits in its packet socket is what the kernel copied to it.
options() { # ADDRESS: a hundred packets with destination options, from a neighbour
	ip netns exec $p /usr/bin/python3 - "$1" <<'P'
import socket, sys
option = bytes.fromhex("3b03cb08804000020000025801 00c91020010db80001000000000000000000aa")
header = bytes.fromhex("6000000000203c40") + b"".join(
    socket.inet_pton(socket.AF_INET6, a) for a in ("2001:db8:b::2", sys.argv[1]))
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
for _ in range(100):
    raw.sendto(header + option, (sys.argv[1], 0))
P
}
waiting() { in_d ss -0 -n -m | grep -o 'skmem:(r[0-9]*' | grep -o '[0-9]*$' | sort -n | tail -1; }
copies() { # NAME ADDRESS COMPARISON: against a tenth of what a hundred packets take at least
	kill -STOP $pid
	options "$2"
	sleep 0.2
	queued=$(waiting)
	kill -CONT $pid
	[ "${queued:-x}" "$3" 7680 ] && echo "ok - $1" || { echo "not ok - $1: $queued octets"; failed=1; }
	sleep 0.2
}
copies "transit with options is not copied" 2001:db8:c::2 -lt
copies "what is for this machine is" 2001:db8:b::1 -gt
# The neighbour need not ask for it.
ip -n $p neigh replace 2001:db8:b::7 dev d0 nud permanent lladdr "$(in_d cat /sys/class/net/p0/address)"
copies "an address that is not there yet is transit" 2001:db8:b::7 -lt
ip -n $d addr add 2001:db8:b::7/64 dev p0 nodad
expect "it comes" logged "address.*2001:db8:b::7.*usable"
copies "an address that has come is heard" 2001:db8:b::7 -gt
ip -n $d addr del 2001:db8:b::7/64 dev p0
expect "it goes" logged "address.*2001:db8:b::7.*gone"
copies "one that has gone is transit again" 2001:db8:b::7 -lt

kill -HUP $pid
expect "a reload is taken" logged 'reload result="ok"'
echo "nonsense" >>"$dir/conf"
kill -HUP $pid
expect "an invalid file changes nothing" logged "reload refused"
sed -i '$d' "$dir/conf"

ip -n $d link add x0 type bridge
expect "a link that appears is reported" logged "> link.*x0"
ip -n $d link del x0
ip -n $d addr add 2001:db8:b::77/64 dev p0 nodad
expect "an address that appears is reported" logged "2001:db8:b::77"

# More notices than the socket holds while nobody reads them.
kill -STOP $pid
for _ in $(seq 15000); do
	echo "addr add 2001:db8:b::78/64 dev p0 nodad"
	echo "addr del 2001:db8:b::78/64 dev p0"
done | ip -n $d -6 -batch -
kill -CONT $pid
expect "notices that were lost are read anew" logged "resync kernel"
ip -n $d link add x1 type bridge
# Behind thousands of notices, each of which has its line in the log.
tries=300 expect "and links are followed from there" logged "> link.*x1"

stop USR1 0
expect "an upgrade leaves the address" has "ip -6 addr show dev p0" "2001:db8:77::1/64"
expect "an upgrade leaves the route" has "ip -6 route" "default via fe80::99"
expect "an upgrade leaves the guard" has "nft list tables; ip6tables -t raw -S" hmip_guard
start "the next one serves"
stop KILL 137
expect "a crash leaves the address" has "ip -6 addr show dev p0" "2001:db8:77::1/64"
start "and the next after a crash"
expect "the plugin is opened" logged "put match=..00aa"
refute "nothing is there twice" sh -c "ip -n $d -6 route | grep -c 'default via fe80::99' | grep -q 2"
stop TERM 0
expect "a clean stop removes the address" sh -c "! ip -n $d -6 addr show dev p0 | grep -q 2001:db8:77::1"
refute "the route" has "ip -6 route" "proto 72"
refute "the guard" has "nft list tables; ip6tables -t raw -S" hmip_guard
expect "gives back forwarding" value all/forwarding 0
expect "gives back accept_ra" value p0/accept_ra 1
expect "leaves what the administrator set up" has "ip -6 addr show dev p0" "2001:db8:b::77/64"
expect "the plugin was told" logged "stop undo"

in_d "$daemon" "$dir/conf" check >"$dir/check"
[ $? = 0 ] && echo "ok - the system check passes" || { echo "not ok - check:"; cat "$dir/check"; failed=1; }
refute "without privileges it says so" in_d setpriv --bounding-set -all --inh-caps -all --reuid 65534 --clear-groups "$daemon" "$dir/conf"
exit $failed
