"""The tables of docs/PERFORMANCE.md, out of what tests/bench/forwarding measured."""

import statistics

from figures import spread

BEGIN, END = "<!-- tests/bench/forwarding --markdown: begin -->", "<!-- end -->"


def table(head, rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines) + "\n"


def grid(title, entries, cell):
    """A row for each label, a column for each number of bindings."""
    counts = sorted({entry["bindings"] for entry in entries})
    by = {(entry["label"], entry["bindings"]): cell(entry) for entry in entries}
    return table([title, *(f"{count:,}" for count in counts)],
                 [[label, *(by.get((label, count), "-") for count in counts)]
                  for label in dict.fromkeys(entry["label"] for entry in entries)])


def cost_cell(entry):
    text = spread([v["ns"] for v in entry["rounds"]])
    if not entry["label"].startswith("plain"):
        text += f": {entry['ratio']:.2f}"
    return text + (f", {entry['ratio_at_rate']:.2f}" if "ratio_at_rate" in entry else "")


def tcp_cell(entry):
    text = spread([bps / 1e9 for bps in entry["bps"]], "{:.2f}")
    return text if entry["label"] == "plain" else f"{text}: {entry['ratio']:.2f}"


def rate(values):
    return f"{statistics.median(values) / 1e6:.2f}" if values else "-"


def update_rows(entries):
    for entry in entries:
        yield [entry["label"], f"{entry['bindings']:,}", rate(entry["made"]), rate(entry["moved"]),
               *(f"{entry[kind]:.0f}" for kind in ("maps", "kernel", "process"))]


def figures(result, unit="ns"):
    """The tables of one kernel."""
    for size in sorted({entry["size"] for entry in result["cost"]}):
        yield grid(f"{size} octets, {unit} per packet; bindings:",
                   [entry for entry in result["cost"] if entry["size"] == size], cost_cell)
    if result["tcp"]:
        yield grid("TCP, Gbit/s; bindings:", result["tcp"], tcp_cell)
    if result["updates"]:
        yield table(["", "bindings", "made, million/s", "moved", "maps, octets/binding", "kernel", "process"], update_rows(result["updates"]))
    if result["overload"]:
        yield table(["overload", "best, kpps", "offered", "delivered", "of the best"],
                    [[label, *(spread([pps / 1e3 for pps in entry[kind]])
                               for kind in ("best_pps", "offered_pps", "delivered_pps")),
                      f"{100 * entry['ratio']:.0f} %"] for label, entry in result["overload"].items()])


def tables(result):
    parts = [f"{len(result['cost'][0]['rounds'])} rounds; load {result['load'][0]:.1f} before and "
             f"{result['load'][1]:.1f} after.\n", *figures(result)]
    if "other_kernel" in result:
        rounds = len(result["other_kernel"]["cost"][0]["rounds"])
        parts += [f"In user-mode Linux, {rounds} rounds, to be compared with each other alone:\n",
                  *figures(result["other_kernel"])]
    for where, counted in result.get("instructions", {}).items():
        parts += [f"In {where}, {counted['kernel']}, on an emulated processor that counts its instructions:\n",
                  *figures({**counted, "updates": []}, "instructions")]
        parts += [f"Not counted: {label}: {why}.\n" for label, why in counted["skipped"].items()
                  if label not in result["skipped"]]
    if result["skipped"]:
        parts.append("\n".join(f"Not measured: {label}: {why}." for label, why in result["skipped"].items()) + "\n")
    return "\n".join(parts)


def write(result, path):
    """Between the marks of a page that has them; else the file is the tables."""
    try:
        with open(path, encoding="utf-8") as file:
            page = file.read()
    except FileNotFoundError:
        page = ""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    text = tables(result)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}" if begin and end else text)
