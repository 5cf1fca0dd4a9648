#!/usr/bin/env python3
"""Storms over many seeds: script/prove sim.

  storms.py ILSSIM-STUB ILSSIM [--jobs N] [--seed N] [--seeds N] [OPTION]...

Runs the seeds (1000 from a fresh one on, unless said) in blocks of 100, the first of each with real
cryptography; the other options are ilssim's. Stops at the first law that breaks, and says where.
Prints by how many runs each rare state was reached (rare.py holds those to an account),
and at last what all came to.
"""

import collections
import concurrent.futures
import random
import re
import subprocess
import sys

BLOCK, PIECE = 100, 11
SUM = re.compile(r"^(\d+) runs, (\d+) node-hours, (\d+) events, (\d+) changes, (\d+) faults, "
                 r"(\d+) zombies, \d+ of \d+ rare states, (\d+) laws broken$", re.M)


def option(words, name, otherwise):
    if name not in words:
        return otherwise
    at = words.index(name)
    value = int(words[at + 1])
    del words[at:at + 2]
    return value


def run(job):
    """What it printed; events per second, as it says, and its status."""
    program, seed, seeds, words = job
    done = subprocess.run([program] + words + ["--seed", str(seed), "--seeds", str(seeds),
                                               "--stats"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    speed = re.search(r"^(\d+) events per second", done.stderr, re.M)
    return done.stdout, int(speed[1]) if speed else 0, done.returncode


def blocks(stub, real, first, seeds, words):
    for seed in range(first, first + seeds, BLOCK):
        yield real, seed, 1, words
        end = min(seed + BLOCK, first + seeds)
        for at in range(seed + 1, end, PIECE):
            yield stub, at, min(PIECE, end - at), words


def main():
    stub, real, words = sys.argv[1], sys.argv[2], sys.argv[3:]
    jobs = option(words, "--jobs", 1)
    first = option(words, "--seed", random.randrange(10 ** 6, 10 ** 9))
    seeds = option(words, "--seeds", 1000)
    total, rare, seconds, reals = [0] * 7, collections.Counter(), 0.0, 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        todo = list(blocks(stub, real, first, seeds, words))
        for job, (text, speed, status) in zip(todo, pool.map(run, todo)):
            found = SUM.search(text)
            if found is None:
                print(text[-4000:])
                sys.exit(f"seed {job[1]}: exit status {status}")
            total = [a + int(b) for a, b in zip(total, found.groups())]
            seconds += int(found[3]) / speed if speed else 0
            reals += job[0] == real
            for n, name in re.findall(r"^ +(\d+) (.*)$", text.split("by runs:\n")[1], re.M):
                rare[name] += int(n)
            for line in re.findall(r"^seed \d+: LAW BROKEN.*(?:\n  .*)*", text, re.M):
                print(line)
            if status != 0:
                pool.shutdown(cancel_futures=True)
                break
    for name, n in rare.items():
        print(f"{n:8} {name}")
    reached = sum(n != 0 for n in rare.values())
    print(f"{total[0]} runs from seed {first} on, {reals} with real cryptography: {total[1]} "
          f"node-hours, {total[2]} events, {total[3]} changes, {total[4]} faults, {total[5]} "
          f"zombies, {reached} of {len(rare)} rare states, {total[6]} laws broken; "
          f"{total[2] / seconds if seconds else 0:.0f} events per second of a core")
    return 1 if total[6] else 0


if __name__ == "__main__":
    sys.exit(main())
