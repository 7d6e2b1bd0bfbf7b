"""What the benchmarks share: where the examples' network lab is, what a process used, medians."""

import os
import statistics
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "examples"))

from lab.netlab import LabError  # noqa: E402


def daemon_pid(process):
    """`ip netns exec` becomes what it runs: the process is the daemon."""
    name = open(f"/proc/{process.pid}/comm", encoding="ascii").read().strip()
    if name != "hmipd":
        raise LabError(f"process {process.pid} is {name}")
    return process.pid


def thread_cpu_ms(pid):
    """CPU time of every thread of a process, in ms, by thread id; the first is the main one."""
    used = {}
    for task in sorted(int(t) for t in os.listdir(f"/proc/{pid}/task")):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            used[task] = int(file.read().split()[0]) / 1e6
    return used


def cpu_ns(tasks):
    """CPU time of these threads, kernel threads too."""
    total = 0
    for task in tasks:
        with open(f"/proc/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def memory_mib(pid):
    """Resident now, and at most so far."""
    fields = {}
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            fields[name] = rest.split()
    return int(fields["VmRSS"][0]) / 1024, int(fields["VmHWM"][0]) / 1024


def spread(values, form="{:.0f}"):
    """median (least-most)"""
    low, mid, high = min(values), statistics.median(values), max(values)
    if low == high:
        return form.format(mid)
    return f"{form.format(mid)} ({form.format(low)}-{form.format(high)})"
