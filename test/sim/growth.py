#!/usr/bin/env python3
"""growth: what networks of four sizes cost, reckoned from what was counted and measured: the table
of docs/scaling.md, "Four sizes".

    growth.py                     prints the table
    growth.py --check FILE        says in TAP whether FILE holds it; and holds the rules to the
                                  counts of the simulator that stand in FILE

The rule for a change is exact, that for rest within 1 of 100; that for a join is exact at one hub,
and the most there can be at several.
"""

import re
import sys

ENTRY_MEMORY = 32      # B, script/bench pairs: ils.sync.bytes_per_entry
ENTRY_WIRE = 15.1      # B, script/bench pairs: ils.sync.wire_mb
ENTRY_DISK = 19        # B, script/bench pairs: ils.sync.disk_per_entry
ENTRY_SYNC = 0.125e-6  # s, script/bench slope: a million more, durable
KNOWN_MEMORY = 24000   # B a cluster that is known, most memory of ilssim-scaling by N
KNOWN_WIRE = 5080      # B a cluster that a newcomer hears of, script/bench scaling
CHANGE_WIRE = 343      # B, script/bench scaling: "an entry changes", bytes by messages
BEAT_WIRE = 306        # B, script/bench scaling: "ten minutes of rest", likewise
RECONNECT_CPU = 1.51e-3  # s, script/bench join: TLS
CHECK_CPU = 0.14e-3    # s, a change at each hop (docs/bench.md, "One change")

SIZES = (  # name, clusters, hubs, entries of all
    ("one hub", 64, 1, 1_000_000),
    ("ten hubs", 200, 10, 10_000_000),
    ("1 000 clusters", 1000, 20, 10_000_000),
    ("100 million entries", 200, 10, 100_000_000))


def change_messages(clusters, hubs):
    return clusters - 1 + (hubs - 1) * max(0, hubs - 2)


def rest_messages(clusters, hubs):
    return 2 * clusters * change_messages(clusters, hubs)


def join_messages(clusters, hubs):
    """Of one more; exact with one hub, at most with more."""
    return 34 * clusters + 17 + 2 * clusters * (hubs - 1)


def scaled(value, unit="B"):
    for prefix in ("", "k", "M", "G"):
        if value < 1000 or prefix == "G":
            text = "%.3g" % value if value < 1000 else "%.0f" % value
            return ("%s %s%s" % (text, prefix, unit)).strip()
        value /= 1000


def row_of(clusters, hubs, entries):
    spokes = -(-(clusters - hubs) // hubs)   # at one hub
    degree = spokes + hubs - 1
    return [
        ("memory of each cluster", scaled(entries * ENTRY_MEMORY + clusters * KNOWN_MEMORY)),
        ("disk of each cluster", scaled(entries * ENTRY_DISK)),
        ("a cluster joins: it hears", scaled(entries * ENTRY_WIRE + clusters * KNOWN_WIRE)),
        ("a cluster joins: it has all after", scaled(entries * ENTRY_SYNC, "s")),
        ("a cluster joins: messages of all", scaled(join_messages(clusters, hubs), "")),
        ("a change: messages of all", scaled(change_messages(clusters, hubs), "")),
        ("a change: its hub sends", scaled(degree * CHANGE_WIRE)),
        ("100 changes a second: a hub sends", scaled(100 * degree * CHANGE_WIRE * 8, "bit/s")),
        ("100 changes a second: of a processor", "%.0f %%" % (100 * 100 * CHECK_CPU)),
        ("rest, ten minutes: a cluster hears", scaled(2 * clusters * BEAT_WIRE)),
        ("rest: a hub sends", scaled(2 * clusters * degree * BEAT_WIRE * 8 / 600, "bit/s")),
        ("a hub dies: its spokes are back, of a processor", scaled(spokes * RECONNECT_CPU * 1000,
                                                                   "ms"))]


def table():
    columns = [row_of(*size[1:]) for size in SIZES]
    rows = [[""] + [size[0] for size in SIZES],
            ["clusters, hubs"] + ["%d, %d" % size[1:3] for size in SIZES],
            ["entries of all"] + [scaled(size[3], "") for size in SIZES]]
    rows += [[cells[0][0]] + [cell[1] for cell in cells] for cells in zip(*columns)]
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, width)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in width) + "|")
    return "\n".join(lines) + "\n"


def counted(text):
    """(clusters, hubs, what, messages) of the first table of the simulator."""
    for line in text.splitlines():
        cells = [c.strip().replace(" ", "") for c in line.split("|")[1:-1]]
        if len(cells) == 9 and re.fullmatch(r"\d+", cells[0]):
            yield int(cells[0]), int(cells[1]), cells[2], int(cells[3])


def flaws(text):
    """What of the counts the rules do not give. A join comes before the other counts."""
    for clusters, hubs, what, messages in counted(text):
        rule = {"anentrychanges": change_messages(clusters + 1, hubs),
                "tenminutesofrest": rest_messages(clusters + 1, hubs),
                "aspokejoins": join_messages(clusters, hubs)}.get(what)
        if rule is None:
            continue
        near = rule // 100 if what == "tenminutesofrest" else 0
        if messages > rule + near or (messages < rule - near and
                                      (what != "aspokejoins" or hubs == 1)):
            yield "%d clusters, %d hubs, %s: %d, by the rule %d" % (
                clusters, hubs, what, messages, rule)


def check(path):
    with open(path, encoding="utf-8") as handle:
        text = handle.read()
    found, wrong = table() in text, list(flaws(text))
    broken = list(flaws(text.replace("| 32       | 30 ", "| 33       | 30 ")))
    results = [(found, "the table of four sizes stands in " + path, table().splitlines()),
               (not wrong and len(list(counted(text))) >= 12, "the rules give the counts", wrong),
               (broken, "control: another count is found", ["nothing was found"])]
    for at, (good, name, notes) in enumerate(results, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", at, name))
        if not good:
            print("\n".join("# " + note for note in notes))
    print("1..%d" % len(results))
    return 0 if all(good for good, _, _ in results) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        sys.exit(check(sys.argv[2]))
    print(table(), end="")
