#!/usr/bin/env python3
"""Whoever stands between two clusters: hundreds of altered conversations, method by method and
message by message, through a proxy between real daemons. Whoever says that it is established has
seen what the other end said, word for word, over the same channel, and shows the other end's peer
id. After each, the same two join through the same proxy, which then alters nothing.

    test_mitm.py [--sample N] [--seed N] [--method NAME] [--only TEXT] [--loose ILSD]

--loose: the control, with an ilsd that has a planted hole (TLS is left out of what the proofs are
over). Each conversation that is relayed through certificates of the proxy's own must then be taken
for good, by every method with TLS.
"""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'mitm'))

from grid import Judge, rows  # noqa: E402
import harness  # noqa: E402
from harness import Network, Tap  # noqa: E402
from world import METHODS, World  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--sample', type=int, default=0)
    parser.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(3), 'big'))
    parser.add_argument('--method', action='append')
    parser.add_argument('--only', default='')
    parser.add_argument('--loose')
    return parser.parse_args()


def chosen(world, options):
    """The rows to be run, and how many there are. What others build on always is."""
    every = [r for r in rows(world) if options.only in r.name]
    if not options.sample or options.sample >= len(every):
        return every, len(every)
    first = [r for r in every if r.first]
    rest = [r for r in every if not r.first]
    random.Random(options.seed).shuffle(rest)
    return first + rest[:max(0, options.sample - len(first))], len(every)


def main():
    options = arguments()
    tap = Tap()
    if options.loose:
        harness.ILSD, options.only = os.path.abspath(options.loose), 'relayed'
    with Network() as net:
        world = World(net, options.method or list(METHODS))
        judge = Judge(world)
        for pair in list(world.pairs.values()) + [world.third]:
            verdict = pair.control()
            tap.ok(verdict.get('code') == 'ILS-100',
                   '%s: the two join through the proxy' % pair.name,
                   verdict)
        judge.learn()
        wanted, total = chosen(world, options)
        began, taken = time.monotonic(), 0
        for row in wanted:
            outcome = judge.run(row)
            taken += outcome.taken
            if options.loose:
                tap.ok(outcome.taken, row.name + ': taken for good, and found', *outcome.wrong)
            else:
                tap.ok(not outcome.wrong, row.name, *outcome.wrong)
        seconds = time.monotonic() - began
        tap.run(judge.traces, tap, bool(options.loose))
        print('# seed %d: %d of %d scripts, %d altered conversations taken for good, '
              '%d ends rightly established, %.1f s, slowest %.2f s (%s)'
              % (options.seed, len(wanted), total, taken, judge.honest, seconds, *judge.slowest))
    tap.done()


if __name__ == '__main__':
    main()
