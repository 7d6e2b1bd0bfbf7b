#!/usr/bin/env bash
# What the daemon does to a machine it undoes: everything the kernel can tell is the same before the
# start and after a clean stop, and after a crash followed by a start and a clean stop.
set -u
hmipd=$1 plugins=$2
[ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null || { echo "SKIP: needs root and namespaces"; exit 77; }
ns=hmtrace$$
dir=$(mktemp -d)
pid=
failed=0

cleanup() {
	[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
	ip netns del $ns 2>/dev/null
	[ "$failed" = 0 ] || cat "$dir/log"
	rm -rf "$dir"
}
trap cleanup EXIT

# Without what counts up by itself.
state() {
	ip netns exec $ns sh -c '
		nft list ruleset
		ip -6 rule
		ip -6 route show table all | grep -v "^anycast\|^multicast" | sed "s/ expires.*//"
		ip -6 neigh show proxy
		ip -o link | sed "s/ qlen.*//; s/mtu/& /"
		ip -6 -o addr | sed "s/valid_lft.*//"
		for f in /proc/sys/net/ipv6/conf/*/*; do
			case $f in */stable_secret) continue ;; esac
			echo "$f $(cat $f)"
		done
		cat /proc/sys/net/ipv6/route/max_size'
}
start() {
	: >"$dir/log"
	ip netns exec $ns "$hmipd" --config="$dir/conf" 2>>"$dir/log" &
	pid=$!
	for _ in $(seq 100); do
		grep -q "serve roles" "$dir/log" && return
		sleep 0.1
	done
	echo "not ok - $1: does not serve"
	failed=1
	exit 1
}
same() {
	if state | diff "$dir/before" - >"$dir/diff"; then
		echo "ok - $1"
	else
		echo "not ok - $1:"
		cat "$dir/diff"
		failed=1
	fi
}

ip netns add $ns
ip -n $ns link set lo up
for i in 0 1; do
	ip -n $ns link add name a$i type veth peer name b$i
	ip netns exec $ns sysctl -qw net.ipv6.conf.a$i.accept_dad=0 net.ipv6.conf.b$i.accept_dad=0
	ip -n $ns link set a$i up
	ip -n $ns link set b$i up
done
ip -n $ns addr add 2001:db8:c::1/64 dev a1 nodad
ip netns exec $ns nft 'add table inet mine; add chain inet mine c { type filter hook input priority 0; }'
sleep 0.5
cat >"$dir/conf" <<C
[hmipd]
role = ms,ha,ch,ra
state-dir = $dir/state
control-socket = $dir/sock
plugin-dir = $plugins
tunnel = tun
auth = none
[ms]
interface = a0
address = 2001:db8:f1::1/64
routers = 2001:db8:c::1
[ha]
interface = a1
address = 2001:db8:1::1/64
[ra]
interface = a1
prefix = 2001:db8:c::/64
[ch]
interface = a1
C
state >"$dir/before"
start "first"
state | diff -q "$dir/before" - >/dev/null && { echo "not ok - it does nothing at all"; failed=1; }
sleep 1
kill -TERM $pid
wait $pid
[ $? = 0 ] || { echo "not ok - a clean stop is a success"; failed=1; }
same "a clean stop leaves no trace"
start "second"
kill -9 $pid
wait $pid 2>/dev/null
start "after a crash"
kill -TERM $pid
wait $pid
same "a clean stop after a crash leaves no trace"
start "before an upgrade"
kill -USR1 $pid
wait $pid
start "after an upgrade"
kill -INT $pid
wait $pid
same "a clean stop after an upgrade leaves no trace"
pid=
ip netns exec $ns setpriv --bounding-set -net_admin --inh-caps -net_admin "$hmipd" --config="$dir/conf" 2>"$dir/log"
[ $? = 69 ] && grep -q CAP_NET_ADMIN "$dir/log" && echo "ok - names the capability it lacks" || { echo "not ok - capability"; failed=1; }
exit $failed
