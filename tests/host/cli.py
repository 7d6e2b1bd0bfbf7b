#!/usr/bin/env python3
"""The command line as its users meet it: cli.py HMIPD SOURCE_ROOT [MAN_PAGE...]; TAP on stdout."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HMIPD, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute()
PAGES = sys.argv[3:]


def run(*args, cwd=None):
    done = subprocess.run([HMIPD, *args], capture_output=True, text=True, cwd=cwd, timeout=20)
    return done.returncode, done.stdout, done.stderr


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


def with_keys(directory, example="."):
    """The configurations of one directory of examples/ and the key files they name."""
    for conf in (SOURCE / "examples" / example).glob("*.conf"):
        shutil.copy(conf, directory)
        for key in re.findall(r"^secret-file = (\S+)", conf.read_text(), re.M):
            path = pathlib.Path(directory, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)
            path.write_text("00" * 32 + "\n")


def every_example_is_a_valid_configuration(tmp):
    with_keys(tmp)
    names = sorted(p.name for p in pathlib.Path(tmp).glob("*.conf"))
    expect([n for n in ("ch.conf", "ha.conf", "mh.conf", "ms.conf", "ra.conf") if n not in names], [])
    for name in names:
        expect((name, *run("--config=" + name, "--check-config", cwd=tmp)), (name, 0, f"{name}: ok\n", ""))


def every_deployment_is_made_of_valid_configurations(tmp):
    networks = sorted((SOURCE / "examples").glob("*/network"))
    if len(networks) < 6:
        raise AssertionError(f"but {len(networks)} deployments")
    for network in networks:
        name, directory = network.parent.name, pathlib.Path(tmp, network.parent.name)
        directory.mkdir()
        with_keys(directory, name)
        files = sorted(p.name for p in directory.glob("*.conf"))
        expect((name, files), (name, sorted(re.findall(r"^hmipd \S+ (\S+)$", network.read_text(), re.M))))
        for file in files:
            expect((name, *run("--config=" + file, "--check-config", cwd=directory)),
                   (name, 0, f"{file}: ok\n", ""))


def keys_of_a_deployment_have_the_same_number_and_use_at_both_ends(tmp):
    for network in (SOURCE / "examples").glob("*/network"):
        seen = {}
        for conf in sorted(network.parent.glob("*.conf")):
            for spi, file, use in re.findall(r"^spi = (\S+)\nsecret-file = (\S+)\nuse = (\S+)$",
                                             conf.read_text(), re.M):
                expect((conf.parent.name, conf.name, seen.setdefault(file, (spi, use))),
                       (conf.parent.name, conf.name, (spi, use)))
                contains((network.parent / "README.md").read_text().split("for name in ")[1].split(";")[0],
                         pathlib.Path(file).stem)


def check_config_names_every_error_and_exits_78(tmp):
    path = pathlib.Path(tmp, "bad.conf")
    path.write_text("[hmipd]\nrole = ms\ncolour = red\n")
    expect(run(f"--config={path}", "--check-config"),
           (78, "", f"{path}:3: colour: unknown key in [hmipd]\n"
                    f"{path}:2: address: needed in [ms] by role ms\n"))


def a_missing_configuration_exits_78_naming_it(tmp):
    status, _, said = run(f"--config={tmp}/none.conf")
    expect((status, said), (78, f"{tmp}/none.conf: cannot be read: No such file or directory\n"))


def an_open_key_file_exits_78_naming_it(tmp):
    with_keys(tmp)
    os.chmod(f"{tmp}/keys/home.key", 0o644)
    status, _, said = run("--config=ha.conf", "--role=ha", cwd=tmp)
    expect(status, 78)
    contains(said, "ha.conf:15: secret-file: keys/home.key holds a secret and is open to others")


def the_role_of_the_command_line_wins(tmp):
    with_keys(tmp)
    status, _, said = run("--config=ch.conf", "--role=ms,ch", "--check-config", cwd=tmp)
    expect((status, said), (78, "ch.conf:5: address: needed in [ms] by role ms\n"))


def wrong_usage_exits_64(tmp):
    for args in (["--role=cn"], ["--nonsense"], ["show"], ["show", "keys"], ["show", "status", "x"],
                 ["watch", "x"], ["dance"], ["--json"], ["--log-level=loud"], ["--config="],
                 ["--help-plugin=tun"], ["--help-plugin=tunnel-../x"], ["--control-socket=" + "x" * 200]):
        status, out, said = run(*args)
        expect((args, status, out), (args, 64, ""))
        if not said:
            raise AssertionError(f"{args}: nothing is said")


def help_and_version_exit_0(tmp):
    status, out, _ = run("--help")
    expect(status, 0)
    for option in ("role", "config", "state-dir", "control-socket", "plugin-dir", "log-level", "check-config",
                   "check-system", "help", "version", "help-plugin", "json"):
        contains(out, "--" + option)
    status, out, _ = run("--version")
    expect(status, 0)
    if not re.match(r"hmipd \d+\.\d+\.\d+\nSQLite [\d.]+ \d{4}-\d\d-\d\d \S+ \w+\nlibuv [\d.]+\nlibsodium [\d.]+\n$",
                    out):
        raise AssertionError(out)


def show_without_a_daemon_exits_69_naming_the_socket(tmp):
    for args in (["show", "bindings"], ["show", "status", "--json"], ["watch"]):
        expect(run(*args, f"--control-socket={tmp}/s"), (69, "", f"hmipd: no daemon listens at {tmp}/s\n"))


def a_missing_plugin_exits_69_naming_it(tmp):
    status, _, said = run(f"--plugin-dir={tmp}", "--help-plugin=tunnel-nonesuch")
    expect(status, 69)
    contains(said, tmp)
    contains(said, "nonesuch")


def every_key_is_in_the_manual(tmp):
    table = (SOURCE / "src/core/host/settings_table.c").read_text()
    page = (SOURCE / "docs/hmipd.conf.5.scd").read_text()
    rows = re.findall(r'^\t\{ "([a-z]+)",\s+"([a-z0-9-]+)"', table, re.M)
    if len(rows) < 50:
        raise AssertionError(f"the table has but {len(rows)} rows")
    for section, key in rows:
        part = re.search(rf"^# \[{section}[\] ].*?(?=^# )", page, re.M | re.S)
        if not part or f"*{key}* = " not in part.group():
            raise AssertionError(f"[{section}] {key} is not in hmipd.conf(5)")


def every_option_is_in_the_manual(tmp):
    page = (SOURCE / "docs/hmipd.8.scd").read_text()
    for option in re.findall(r'^\t\{ "([a-z-]+)", (?:no|required)_argument',
                             (SOURCE / "src/main.c").read_text(), re.M):
        contains(page, f"*--{option}")


def every_counter_event_and_json_key_is_in_the_manual(tmp):
    page = (SOURCE / "docs/hmipd.8.scd").read_text()
    for path, pattern, few in (
            ("src/core/engine/counters.h", r'X\(HM_COUNT_\w+, "(\w+)"\)', 20),
            ("src/core/wire/packet.h", r'X\(HM_DROP_\w+, "(\w+)"\)', 10),
            ("plugins/tunnel-tun/path.h", r'X\(HM_STAT_\w+, "(\w+)"\)', 15),
            ("plugins/tunnel-ip6tnl/fast.c", r'X\(FAST_\w+, "(\w+)"\)', 4),
            ("plugins/tunnel-bpf/shared.h", r'X\(HM_SITE_STAT_\w+, "(\w+)"\)', 10),
            ("src/core/host/control_json.c", r'add_\w+\(o, "(\w+)"', 30)):
        names = re.findall(pattern, (SOURCE / path).read_text())
        if len(names) < few:
            raise AssertionError(f"but {len(names)} names in {path}")
        expect((path, [n for n in names if not re.search(rf"\b{n}\b", page)]), (path, []))
    notes = (SOURCE / "src/core/engine/step.c").read_text().split("*hm_note_text(")[1].split("};")[0]
    expect([n for n in re.findall(r'"([a-z-]+)"', notes) if not re.search(rf"\b{n}\b", page)], [])


def mandoc_finds_no_fault_in_the_manuals(tmp):
    if not PAGES or not shutil.which("mandoc"):
        return "SKIP needs scdoc and mandoc"
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "error", *PAGES], capture_output=True, text=True)
    expect((done.returncode, done.stdout), (0, ""))


TESTS = [t for t in list(globals().values()) if callable(t) and getattr(t, "__code__", None)
         and t.__code__.co_varnames[:1] == ("tmp",)]
print(f"1..{len(TESTS)}")
for number, test in enumerate(TESTS, 1):
    with tempfile.TemporaryDirectory(prefix="hmipd-cli-") as where:
        try:
            note = test(where)
            print(f"ok {number} {test.__name__}" + (f" # {note}" if note else ""))
        except (AssertionError, subprocess.TimeoutExpired) as error:
            print(f"not ok {number} {test.__name__}")
            print("# " + str(error).replace("\n", "\n# "))
