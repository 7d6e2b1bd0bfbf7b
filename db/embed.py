#!/usr/bin/env python3
"""embed.py OUTPUT.c NNNN-NAME.sql...: the migrations as a C table.

Fails when the numbers are not 1, 2, 3, ..., or when db/ holds a migration that was not named.
"""
import pathlib
import re
import sys

output, *names = sys.argv[1:]
paths = [pathlib.Path(name) for name in names]
present = {path.name for path in pathlib.Path(__file__).resolve().parent.glob("*.sql")}
if {path.name for path in paths} != present:
    sys.exit(f"db/ holds {sorted(present)}: list them all in src/core/host/meson.build")


def literal(line):
    out = []
    for octet in line.encode():
        char = chr(octet)
        plain = 0x20 <= octet < 0x7F and char not in '"\\?'
        out.append(char if plain else f"\\{octet:03o}")
    return '\t"' + "".join(out) + '\\n"'


table = []
for expected, path in enumerate(paths, 1):
    match = re.fullmatch(r"(\d{4})-[a-z0-9-]+\.sql", path.name)
    if not match or int(match[1]) != expected:
        sys.exit(f"{path.name}: migration {expected:04d} was expected")
    lines = "\n".join(literal(line) for line in path.read_text(encoding="utf-8").splitlines())
    table.append(f"\t/* {path.name} */\n{lines},\n")
pathlib.Path(output).write_text(
    '#include "host/store_internal.h"\n\n'
    "const char *const hm_migrations[] = {\n" + "".join(table) + "};\n"
    f"const int hm_schema_version = {len(table)};\n",
    encoding="utf-8",
)
