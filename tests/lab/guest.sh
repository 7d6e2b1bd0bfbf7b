# What the labs of this directory share: a guest that is another kernel on this machine's file system. To be
# sourced; $dir is the lab's own directory, which the guest sees too.

# guest_init TERMINAL MODULES COMMAND…: writes $dir/init, what the guest starts with. MODULES: a directory that holds
# those of its kernel by version. The lab sets the lines before, after and halt, which are its own.
guest_init() {
	local terminal=$1 modules=$2
	shift 2
	{
		export -p | grep -v ' PATH='
		# Processes have other numbers there: what is left over by whom is told within one kernel only.
		printf 'export TMPDIR=%q\n' "$dir/tmp"
		printf 'cd %q\n' "$PWD"
		printf 'set --'
		printf ' %q' "$@"
		printf '\n'
	} >"$dir/what"
	cat >"$dir/init" <<END
#!/bin/bash
export PATH=/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec >$terminal 2>&1 </dev/null
stty -F $terminal raw -echo
$before
mount -t tmpfs tmpfs /run
mkdir -p /dev/pts /dev/shm /run/bin /run/lab/lib /run/netns
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t bpf bpf /sys/fs/bpf
ln -s /proc/self/fd /dev/fd
# The modules are not where modprobe looks, for users and for the kernel itself.
ln -s $modules /run/lab/lib/modules
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/lab "\$@"\n' >/run/bin/modprobe
chmod +x /run/bin/modprobe
echo /run/bin/modprobe >/proc/sys/kernel/modprobe
$after
ip link set dev lo up
. "$dir/what"
"\$@" </dev/null
echo \$? >"$dir/status"
$halt
END
	chmod +x "$dir/init"
}

# guest_end NAME PID SECONDS: waits for it, and ends as its command did.
guest_end() {
	local tick
	for ((tick = 0; tick < $3 * 5; tick++)); do
		kill -0 "$2" 2>/dev/null || break
		sleep 0.2
	done
	if kill -0 "$2" 2>/dev/null; then
		echo "$1: not done after $3 s" >&2
		exit 124
	fi
	if [ ! -s "$dir/status" ]; then
		tail -20 "$dir/log" >&2
		echo "$1: the guest died" >&2
		exit 70
	fi
	exit "$(cat "$dir/status")"
}
