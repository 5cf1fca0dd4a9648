#!/usr/bin/env python3
"""The rare states of src/sim/rare.def: which of them are reached, and how often.

  rare.py ILSSIM [--seeds PERCENT] [FILE]...

Runs each row of PROFILES, or adds up what runs before have printed with --stats into the
files that are named, and prints a table: by how many runs each state was reached. The last line
says how many of how many. Red (exit status 1) when fewer than AT_LEAST are reached, or when one is
not that is none of SELDOM.

A profile is a mixture of faults that makes some states likely. A broken law ends a run and is said,
but does not count here: the laws have proofs of their own (script/prove sim).
"""

import random
import re
import subprocess
import sys

AT_LEAST = 60
# They need not come each time.
SELDOM = {"a penalty", "a hub stays one", "a link's day is over", "two hubs drain at once",
          "another network", "one id twice, met by relay"}

# Seeds, and arguments.
PROFILES = [
    (80, "--largest 10 --minutes 4"),
    (100, "--largest 6 --minutes 3 --fault wrong-password --fault password-rotation --fault crash"
     " --fault backup --fault restore"),
    (100, "--clusters 8 --hubs 4 --minutes 3 --fault role-flip --fault partition --fault one-way"
     " --fault crash --fault join-elsewhere --fault slow-path"),
    (80, "--largest 6 --minutes 3 --fault clone --fault backup --fault restore --fault partition"
     " --fault isolate --fault duplicate-label --fault identity-new"),
    (80, "--largest 6 --minutes 3 --fault leave --fault rejoin --fault ban --fault forget"
     " --fault disconnect --fault connect --fault exchange-off --fault certificate-renewal"
     " --fault crash"),
    (60, "--largest 6 --minutes 3 --fault out-of-memory --fault out-of-descriptors --fault crash"
     " --fault big-catalog"),
    (30, "--largest 6 --minutes 12 --fault sync-every --fault isolate --fault partition"
     " --fault pause-long --fault slow-path"),
    (40, "--largest 6 --minutes 3 --fault mistyped-join --fault password-dropped --fault crash"
     " --fault duplicate-label"),
    (5, "--clusters 2 --minutes 1530 --fault out-of-descriptors"),
]


def states(text):
    """Name -> runs that reached it."""
    table = text.split("rare states, by runs:\n")[1]
    return {found[2]: int(found[1]) for found in re.finditer(r"^ +(\d+) (.*)$", table, re.M)}


def run(program, percent, seeds, arguments):
    words = arguments.split() + ["--seed", str(random.randrange(10 ** 6, 10 ** 9)), "--seeds",
                                 str(max(1, seeds * percent // 100)), "--stats", "--keep-going"]
    done = subprocess.run([program] + words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False)
    for line in re.findall(r"^seed \d+: LAW BROKEN.*$", done.stdout, re.M):
        print(f"# {line}")
    return done.stdout


def main():
    program, percent, files = sys.argv[1], 100, sys.argv[2:]
    if files[:1] == ["--seeds"]:
        percent, files = int(files[1]), files[2:]
    texts = [open(name, encoding="utf-8").read() for name in files] or \
        [run(program, percent, *profile) for profile in PROFILES]
    total, runs = {}, 0
    for text in texts:
        runs += int(re.search(r"^(\d+) runs, ", text, re.M)[1])
        for name, n in states(text).items():
            total[name] = total.get(name, 0) + n
    for name, n in total.items():
        print(f"{n:8} {name}{' (seldom)' if name in SELDOM else ''}")
    reached = [name for name, n in total.items() if n != 0]
    missing = [name for name, n in total.items() if n == 0 and name not in SELDOM]
    for name in missing:
        print(f"not ok - not reached: {name}")
    good = len(reached) >= AT_LEAST and not missing
    print(f"{'ok' if good else 'not ok'} - {len(reached)} of {len(total)} rare states reached "
          f"in {runs} runs; not reached: "
          f"{', '.join(name for name, n in total.items() if n == 0) or 'none'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
