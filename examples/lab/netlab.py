"""Network namespaces as hosts, for the demonstration and for tests on real packets.

A Lab makes namespaces under one prefix, runs programs in them, and takes everything away again,
whatever happened. Nothing outside its own namespaces is touched."""

import atexit
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time


KEPT = "kept"  # a file that marks the directory of a lab that is to stay


class LabError(Exception):
    """Something the lab needs could not be done; the text says what."""


class Lacking(LabError):
    """A daemon ended because something it needs is not on this machine; the text is its reason."""


def sh(*argv, check=True, timeout=30, **kwargs):
    """Runs a command and returns its output."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL, **kwargs)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {done.stdout.strip()}")
    return done.stdout


def namespaces():
    """Names of network namespaces."""
    return [line.split()[0] for line in sh("ip", "netns", "list", check=False).splitlines() if line.split()]


def end_all_in(name):
    """Ends every process in a namespace; those of a namespace of ours were started by us."""
    for wait, number in ((2.0, signal.SIGTERM), (1.0, signal.SIGKILL)):
        deadline = time.monotonic() + wait
        while pids := sh("ip", "netns", "pids", name, check=False).split():
            for pid in pids:
                try:
                    os.kill(int(pid), number)
                except (ProcessLookupError, ValueError):
                    pass
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)


def remove_stale(stem, kept=False):
    """Removes what earlier runs under this stem left: namespaces whose maker is gone, what still runs in
    them, and their directories. Of what was kept on purpose: nothing (False), all (True), or the run of that
    process number. Returns how many runs went."""
    runs = {}
    for name in namespaces():
        match = re.fullmatch(re.escape(stem) + r"-(\d+)-\w+", name)
        if match:
            runs.setdefault(match.group(1), []).append(name)
    for path in glob.glob(f"{tempfile.gettempdir()}/{stem}-*-*"):
        match = re.match(re.escape(stem) + r"-(\d+)-", os.path.basename(path))
        if match:
            runs.setdefault(match.group(1), [])
    gone = 0
    for run, names in runs.items():
        directories = glob.glob(f"{tempfile.gettempdir()}/{stem}-{run}-*")
        was_kept = any(os.path.exists(os.path.join(path, KEPT)) for path in directories)
        if os.path.exists(f"/proc/{run}") or was_kept and kept not in (True, run):
            continue
        for name in names:
            end_all_in(name)
            sh("ip", "netns", "delete", name, check=False)
        for path in directories:
            shutil.rmtree(path, ignore_errors=True)
        gone += 1
    return gone


class Lab:
    def __init__(self, stem, keep=False):
        if os.geteuid() != 0:
            raise LabError("network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN)")
        remove_stale(stem)
        self.prefix = f"{stem}-{os.getpid()}-"
        self.keep = keep
        self.names = []
        self.processes = []
        self.staying = []  # of those, what outlives a lab that is kept
        self.dir = tempfile.mkdtemp(prefix=self.prefix)
        os.chmod(self.dir, 0o700)
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))

    def close(self):
        """Ends what was started and removes what was made; safe to call twice. A lab that is kept keeps its
        namespaces and what was started to stay."""
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            self._end([p for p in self.processes if not (self.keep and p in self.staying)])
            self.processes = []
            if self.keep:
                self.write(KEPT, "")
                return
            for name in self.names:
                sh("ip", "netns", "delete", self.prefix + name, check=False)
            self.names = []
            shutil.rmtree(self.dir, ignore_errors=True)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    @staticmethod
    def _end(processes):
        for process in processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 5
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # --- hosts and links ---

    def host(self, name, forwarding=False, dad=False):
        """A namespace. Infrastructure skips duplicate address detection to start at once."""
        sh("ip", "netns", "add", self.prefix + name)
        self.names.append(name)
        settings = ["net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.disable_ipv6=0"]
        if not dad:
            settings += ["net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.dad_transmits=0"]
        if forwarding:
            settings.append("net.ipv6.conf.all.forwarding=1")
        self.run(name, "sysctl", "-qw", *settings)
        self.run(name, "ip", "link", "set", "lo", "up")

    def link(self, a, a_if, b, b_if):
        """A cable between two hosts, both ends up."""
        sh("ip", "link", "add", a_if, "netns", self.prefix + a, "type", "veth",
           "peer", "name", b_if, "netns", self.prefix + b)
        self.run(a, "ip", "link", "set", a_if, "up")
        self.run(b, "ip", "link", "set", b_if, "up")

    def bridge(self, name, bridge):
        self.run(name, "ip", "link", "add", "name", bridge, "type", "bridge", "forward_delay", "0",
                 "mcast_snooping", "0")
        self.run(name, "ip", "link", "set", bridge, "up")

    def addr(self, name, interface, address):
        self.run(name, "ip", "-6", "addr", "add", address, "dev", interface, "nodad")

    def route(self, name, destination, via):
        self.run(name, "ip", "-6", "route", "add", destination, "via", via)

    # --- programs ---

    def argv(self, name, *argv):
        return ["ip", "netns", "exec", self.prefix + name, *argv]

    def run(self, name, *argv, **kwargs):
        return sh(*self.argv(name, *argv), **kwargs)

    def spawn(self, name, *argv, log=None, stays=False, **kwargs):
        """Starts a program in a host; its output goes to the file `log` of the lab's directory. It has a
        session of its own: an interrupt from the terminal is ours alone."""
        out = open(os.path.join(self.dir, log), "ab") if log else subprocess.DEVNULL
        try:
            process = subprocess.Popen(self.argv(name, *argv), stdin=subprocess.DEVNULL,
                                       stdout=kwargs.pop("stdout", out), stderr=out, start_new_session=True, **kwargs)
        finally:
            if log:
                out.close()
        self.processes.append(process)
        if stays:
            self.staying.append(process)
        return process

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w",
                  encoding="ascii") as file:
            file.write(text)
        return path


PATIENCE = 1.0


def be_patient(factor):
    """On a slow machine: everything may take this many times as long."""
    global PATIENCE
    PATIENCE = factor


def wait_for(what, probe, timeout=10.0, step=0.05):
    """Polls until probe() is true and returns its value; LabError after the timeout."""
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(step)
