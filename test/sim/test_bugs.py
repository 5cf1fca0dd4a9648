#!/usr/bin/env python3
"""Each protocol bug that is planted in the rooms (base/planted.def) is found by a law.

  test_bugs.py ILSSIM-PLANTED                     the seeds of bugs.txt: red with the bug, by the
  law
                                                  that is written there, and clean without it
  test_bugs.py ILSSIM-PLANTED --search SECONDS    from a fresh seed on, so many CPU seconds a bug
  test_bugs.py ILSSIM-PLANTED --record            bugs.txt anew: each bug from seed 1 on

A change of the core, or of a law, gives a recorded seed another run. Where it is no longer red, or
no longer clean without the bug, the seeds after it are tried for a few seconds; where another law
breaks first, that counts. The line says so: time for --record.
Prints TAP. A line of bugs.txt: bug, law, CPU seconds of the search, arguments; tabs between.
"""

import os
import random
import re
import resource
import subprocess
import sys

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bugs.txt")
AFTER = 60      # CPU seconds for the seeds after a recorded one
BLOCK = 25      # seeds a run, while searching
LIMIT = 60      # CPU seconds of one run
HEAD = """\
# Planted protocol bugs, and a seed with which a law of the simulator finds each: bug, law, CPU
# seconds of the search from seed 1 on, arguments. Written by `test_bugs.py ILSSIM-PLANTED
# --record`.
"""


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))


def run(program, arguments):
    """Exit status, output, CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program] + arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, preexec_fn=limit, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return done.returncode, done.stdout, spent


def broken(text):
    """Seed, law and words of the law that broke, or None."""
    found = re.search(r"^seed (\d+): LAW BROKEN at [\d.]+: ((\w+):.*)$", text, re.M)
    return found and (int(found[1]), found[3], found[2])


def search(program, bug, arguments, seed, most):
    """The first seed from there on that is red with the bug, and clean without it: seed, law,
    words; or None. And CPU seconds."""
    spent = 0.0
    while spent < most:
        block = ["--seed", str(seed), "--seeds", str(BLOCK)]
        status, text, took = run(program, arguments + ["--bug", bug] + block)
        spent += took
        red = broken(text)
        if red is not None:
            status, _, took = run(program, arguments + ["--seed", str(red[0])])
            spent += took
            if status == 0:
                return red, spent
            seed = red[0] + 1
        elif status == 0:
            seed += BLOCK
        else:  # an assertion: no law, and so it does not count
            seed += 1 + len(re.findall(r"^seed \d+: \d+ clusters", text, re.M))
    return None, spent


def read_table():
    rows = []
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#") and line.strip():
                bug, law, seconds, arguments = line.rstrip("\n").split("\t")
                words = arguments.split()
                at = words.index("--seed")
                rows.append({"bug": bug, "law": law, "seconds": seconds, "seed": int(words[at + 1]),
                             "arguments": words[:at] + words[at + 2:]})
    return rows


def planted(program):
    """The bugs of planted.def, as the program names them."""
    done = subprocess.run([program, "--help"], stderr=subprocess.PIPE, text=True, check=False)
    names = re.findall(r"^  ([a-z-]+) +", done.stderr.split("planted bugs:")[1], re.M)
    world = {"ack-before-durable", "forget-row", "old-image", "repeat-bytes", "lose-bytes",
             "late-forever"}
    return set(names) - world


def replay(program, row):
    """What is to be said of it, and whether it is good."""
    arguments = row["arguments"] + ["--seed", str(row["seed"])]
    status, text, took = run(program, arguments + ["--bug", row["bug"]])
    red = broken(text)
    if status == 1 and red is not None:
        status, _, clean = run(program, arguments)
        said = "" if red[1] == row["law"] else f"; another law than {row['law']}"
        if status == 0:
            return True, f"{row['bug']}: {red[2]} ({took:.1f} s, {clean:.1f} s without it{said})"
    red, spent = search(program, row["bug"], row["arguments"], row["seed"] + 1, AFTER)
    if red is None:
        return False, f"{row['bug']}: no law breaks from seed {row['seed']} on"
    return True, f"{row['bug']}: {red[2]} (now with seed {red[0]}, {spent:.1f} s)"


def fresh(program, row, most):
    seed = random.randrange(10 ** 6, 10 ** 9)
    red, spent = search(program, row["bug"], row["arguments"], seed, most)
    if red is None:
        return spent, f"{row['bug']}: no law breaks in {spent:.0f} CPU seconds from seed {seed} on"
    return spent, f"{row['bug']}: {spent:.1f} CPU seconds, seed {red[0]}: {red[2]}"


def record(program, rows):
    with open(TABLE + ".new", "w", encoding="utf-8") as file:
        file.write(HEAD)
        for row in rows:
            red, spent = search(program, row["bug"], row["arguments"], 1, 600)
            if red is None:
                sys.exit(f"{row['bug']}: no law breaks")
            arguments = " ".join(row["arguments"] + ["--seed", str(red[0])])
            print(f"{row['bug']}\t{red[1]}\t{spent:.1f}\t{arguments}", file=file, flush=True)
            print(f"{row['bug']}: {red[2]} ({spent:.1f} s)", flush=True)
    os.replace(TABLE + ".new", TABLE)


def main():
    program, mode = sys.argv[1], sys.argv[2:3]
    rows = read_table()
    if mode == ["--record"]:
        record(program, rows)
        return 0
    missing = planted(program) ^ {row["bug"] for row in rows}
    bad, slowest = len(missing), (0.0, "none")
    print(f"1..{len(rows) + 1}")
    for i, row in enumerate(rows):
        if mode == ["--search"]:
            most = float(sys.argv[3])
            spent, words = fresh(program, row, most)
            good = "no law breaks" not in words
            slowest = max(slowest, (spent, row["bug"]))
        else:
            good, words = replay(program, row)
        bad += not good
        print(f"{'ok' if good else 'not ok'} {i + 1} - {words}", flush=True)
    print(f"{'not ok' if missing else 'ok'} {len(rows) + 1} - every planted bug is in the table"
          f"{': ' + ' '.join(sorted(missing)) if missing else ''}")
    if mode == ["--search"]:
        print(f"# {len(rows) - bad} of {len(rows)} planted bugs caught by a law; "
              f"the slowest, {slowest[1]}, in {slowest[0]:.1f} CPU seconds")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
