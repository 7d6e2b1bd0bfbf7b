#!/usr/bin/env python3
"""What `meson install` leaves, and that it works where it lies: install.py SOURCE_ROOT; TAP on stdout.

Builds once, with a prefix in a directory of its own."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1]).absolute()


def expect(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what} got {got!r}, wanted {wanted!r}")


def run(*argv, **kwargs):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, **kwargs)
    return done.returncode, done.stdout + done.stderr


def must(*argv, **kwargs):
    status, said = run(*argv, **kwargs)
    expect(status, 0, f"{' '.join(map(str, argv))}: {said}")
    return said


def build(where):
    env = {**os.environ, "CFLAGS": "", "LDFLAGS": ""}
    must("meson", "setup", f"{where}/build", SOURCE, f"--prefix={where}/prefix", "-Dtests=disabled",
         "-Dbuildtype=plain", env=env)
    must("ninja", "-C", f"{where}/build")
    must("meson", "install", "-C", f"{where}/build", "--no-rebuild")


def files(root):
    return sorted(str(p.relative_to(root)) for p in pathlib.Path(root).rglob("*") if p.is_file())


def everything_a_package_needs_is_installed(where):
    wanted = ["include/hmipd-plugin.h", "lib/systemd/system/hmipd@.service", "sbin/hmipd",
              "share/bash-completion/completions/hmipd", "share/doc/hmipd/README.md",
              "share/doc/hmipd/ARCHITECTURE.md", "share/doc/hmipd/HACKING.md",
              "share/doc/hmipd/docs/HOWTO.md", "share/doc/hmipd/docs/PROTOCOL.md",
              "share/doc/hmipd/docs/SCHEMA.md"]
    if shutil.which("scdoc"):
        wanted += ["share/man/man5/hmipd.conf.5", "share/man/man8/hmipd.8"]
    for conf in (SOURCE / "examples").rglob("*.conf"):
        wanted.append(f"share/doc/hmipd/examples/{conf.relative_to(SOURCE / 'examples')}")
    got = files(f"{where}/prefix")
    expect([name for name in wanted if name not in got], [], "missing:")
    for pattern in (r"lib/(.*/)?hmipd/tunnel-tun\.so", r"lib/(.*/)?hmipd/auth-hmac\.so",
                    r"lib/(.*/)?pkgconfig/hmipd\.pc"):
        expect(len([name for name in got if re.fullmatch(pattern, name)]), 1, pattern)
    strange = [name for name in got if not name.startswith(("include/", "lib/", "sbin/", "share/"))
               or name.endswith((".a", ".pyc"))]
    expect(strange, [], "should not be installed:")


def destdir_holds_the_same_files(where):
    must("meson", "install", "-C", f"{where}/build", "--no-rebuild", f"--destdir={where}/dest")
    expect(files(f"{where}/dest{where}/prefix"), files(f"{where}/prefix"))
    expect(len(files(f"{where}/dest")), len(files(f"{where}/prefix")), "files beside the prefix:")


def the_installed_daemon_finds_its_plugins(where):
    hmipd = f"{where}/prefix/sbin/hmipd"
    for plugin in ("tunnel-tun", "auth-hmac"):
        must(hmipd, f"--help-plugin={plugin}")
    conf = pathlib.Path(where, "ra.conf")
    conf.write_text("[hmipd]\nrole = ra\n[ra]\ninterface = lo\nprefix = 2001:db8:f1:1::/64\n")
    must(hmipd, f"--config={conf}", "--check-config")
    _, said = run(hmipd, f"--config={conf}", "--check-system")
    expect([line for line in said.splitlines() if "plugin" in line], ["ok: auth-hmac: plugin"], said)


def the_unit_names_the_installed_daemon(where):
    text = pathlib.Path(where, "prefix/lib/systemd/system/hmipd@.service").read_text()
    paths = set(re.findall(r"^Exec\w+=(\S*hmipd) ", text, re.M))
    expect(paths, {f"{where}/prefix/sbin/hmipd"})
    if not shutil.which("systemd-analyze"):
        return "SKIP needs systemd-analyze to look further"


def a_plugin_builds_against_what_is_installed(where):
    pc = str(next(pathlib.Path(where, "prefix").rglob("hmipd.pc")).parent)
    env = {**os.environ, "PKG_CONFIG_PATH": pc}
    flags = must("pkg-config", "--cflags", "hmipd", env=env).split()
    must("cc", "-shared", "-fPIC", *flags, str(SOURCE / "tests/plugin/third-party/x.c"), "-o", f"{where}/x.so")
    expect(must("pkg-config", "--variable=plugindir", "hmipd", env=env).strip(),
           str(next(pathlib.Path(where, "prefix").rglob("tunnel-tun.so")).parent))


def links_in_the_installed_documents_lead_somewhere(where):
    root = pathlib.Path(where, "prefix/share/doc/hmipd")
    for page in root.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                raise AssertionError(f"{page.relative_to(root)}: {target} is not there")


TESTS = [t for t in list(globals().values()) if callable(t) and getattr(t, "__code__", None)
         and t.__code__.co_varnames[:1] == ("where",) and t is not build]
print(f"1..{len(TESTS)}", flush=True)
with tempfile.TemporaryDirectory(prefix="hmipd-install-") as directory:
    try:
        build(directory)
    except AssertionError as error:
        print("Bail out! " + str(error).replace("\n", "\n# "))
        sys.exit(1)
    for number, test in enumerate(TESTS, 1):
        try:
            note = test(directory)
            print(f"ok {number} {test.__name__}" + (f" # {note}" if note else ""))
        except (AssertionError, StopIteration, subprocess.TimeoutExpired) as error:
            print(f"not ok {number} {test.__name__}")
            print("# " + str(error).replace("\n", "\n# "))
