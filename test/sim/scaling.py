#!/usr/bin/env python3
"""What it costs that a network grows: the tables of docs/scaling.md.

  scaling.py ILSSIM-SCALING [CLUSTERS HUBS]...

Runs the program for networks of 3, 30 and 300 clusters (1, 3 and 10 hubs), or for those that are
named, and prints two tables: messages and bytes of each deed beside the least that is possible,
and what the messages of a deed are. The last line sums it up.
"""

import subprocess
import sys

KINDS = ["handshake", "marks", "heads", "requests", "manifests", "segments", "ready", "gone"]


def number(text):
    value = float(text)
    whole = value >= 10 or value == int(value)
    return f"{value:,.0f}".replace(",", " ") if whole else f"{value:.1f}"


def table(head, rows):
    rows = [head] + rows
    width = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for at, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width[i]) for i, cell in enumerate(row)) + " |")
        if at == 0:
            print("|" + "|".join("-" * (n + 2) for n in width) + "|")
    print()


def measure(program, clusters, hubs):
    """Deed -> (clusters, hubs, messages, bytes, least messages, least bytes); and deed -> kind ->
    (messages, bytes)."""
    done = subprocess.run([program, clusters, hubs], stdout=subprocess.PIPE, text=True, check=True)
    deeds, kinds = {}, {}
    for line in done.stdout.splitlines():
        field = line.split("\t")
        if len(field) == 7:
            deeds[field[2]] = (clusters, hubs) + tuple(field[3:])
        else:
            kinds.setdefault(field[2], {})[field[3]] = (field[4], field[5])
    return deeds, kinds


def times(a, b):
    return f"{float(a) / float(b):.1f} x"


def main():
    program, sizes = sys.argv[1], sys.argv[2:] or ["3", "1", "30", "3", "300", "10"]
    costs, parts, result = [], [], []
    for clusters, hubs in zip(sizes[::2], sizes[1::2]):
        deeds, kinds = measure(program, clusters, hubs)
        for deed, (_, _, n, size, least, least_size) in deeds.items():
            costs.append([clusters, hubs, deed, number(n), number(least), times(n, least),
                          number(size), number(least_size), times(size, least_size)])
            result.append(f"{clusters}/{hubs} {deed} {n} messages {size} B ({least}, {least_size})")
            parts.append([clusters, hubs, deed] +
                         [number(kinds[deed].get(kind, ("0", "0"))[0]) for kind in KINDS])
    table(["clusters", "hubs", "what", "messages", "at least", "", "bytes", "at least", ""], costs)
    table(["clusters", "hubs", "messages of"] + KINDS, parts)
    print("; ".join(result))


if __name__ == "__main__":
    main()
