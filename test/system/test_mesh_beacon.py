#!/usr/bin/env python3
"""An entry is added and removed every second at one spoke, and read at the farthest, two hubs away,
under kill, pause and partition: afterwards nobody serves what was removed, and nobody lacks what is
there. The control is a daemon that forgets withdrawals: it must be found out.

ILS_SECONDS: how long. --control PROGRAM: that ilsd everywhere, and no faults. --seed N: which
faults."""
import argparse
import os
import random
import sys
import time

import netns
from harness import BUILD, Tap
from mesh.beacon import Beacon
from mesh.methods import METHODS
from mesh.parts import run_parts
from mesh.world import Mesh

SECONDS = float(os.environ.get('ILS_SECONDS', 75))
CONTROL = os.path.join(BUILD, 'test', 'system', 'ilsd_forgetful')
CONTROL_SECONDS = 8.0


class Faults:
    """One after another, each over before the next; each is judged when the network is whole."""

    def __init__(self, part, mesh, beacon, seed):
        self.part, self.mesh, self.beacon, self.lan = part, mesh, beacon, mesh.lan
        self.random = random.Random(seed)
        self.n = 0

    def run(self, seconds):
        end = time.monotonic() + seconds
        kinds = [self.partition, self.kill, self.pause]
        while time.monotonic() < end:
            if self.n and self.n % len(kinds) == 0:
                self.random.shuffle(kinds)
            what = kinds[self.n % len(kinds)]()
            self.judge(what)
            self.n += 1

    def judge(self, what):
        took = self.mesh.links_stand()
        zombies, lost = self.beacon.judge()
        self.part.ok(took is not None and not zombies and not lost,
                     '%s: links stand, no zombie, none lost' % what,
                     'zombies: %s' % sorted(zombies),
                     'lost: %s' % sorted(lost), 'links: %s' % self.mesh.last)

    def some(self, among, n=1):
        return self.random.sample(among, n)

    def kill(self):
        c = self.some(self.mesh.hubs + [self.beacon.writer, self.beacon.reader])[0]
        c.kill()
        time.sleep(self.random.uniform(0.0, 6.0))
        c.start()
        return 'kill -9 of ' + c.name

    def pause(self):
        c = self.some(self.mesh.hubs + [self.beacon.reader])[0]
        c.pause()
        time.sleep(self.random.uniform(1.0, 14.0))
        c.resume()
        return c.name + ' was paused'

    def partition(self):
        """Some on one side, the others on the other; or a pair of hubs alone."""
        nodes = self.mesh.nodes
        side = self.some(nodes, self.random.randint(1, len(nodes) - 1))
        if self.random.random() < 0.3:
            pairs = [self.some(self.mesh.hubs, 2)]
        else:
            pairs = [(a, b) for a in side for b in nodes if b not in side]
        for a, b in pairs:
            self.lan.cut(a, b)
        time.sleep(self.random.uniform(2.0, 14.0))
        self.lan.heal()
        return 'a partition of %d pairs' % len(pairs)


def network(part, lan, program=None):
    mesh = Mesh(lan, METHODS['password'](lan))
    for c in mesh.nodes:
        c.program = program or c.program
    mesh.build()
    part.ok(mesh.settles() is not None, 'the mesh stands', mesh.last)
    return mesh, Beacon(mesh, mesh.spokes[0], mesh.spokes[-1])


def sound(part, lan, seed):
    mesh, beacon = network(part, lan)
    with beacon:
        Faults(part, mesh, beacon, seed).run(SECONDS)
    part.ok(mesh.settles(10) is not None, 'all digests are equal', mesh.last)
    zombies, lost = beacon.judge()
    part.ok(not zombies and not lost, 'at the end: no zombie, none lost', zombies, lost)
    part.ok(beacon.n > SECONDS / 4 and beacon.seen > beacon.n / 10, beacon.figures())
    part.ok(True, 'seed %d: %d zombies, %d lost, %d entries in %.0f s' % (
        seed, len(zombies), len(lost), beacon.n, SECONDS))


def forgetful(part, lan, program):
    """A daemon that forgets withdrawals must be found out."""
    mesh, beacon = network(part, lan, program)
    with beacon:
        time.sleep(CONTROL_SECONDS)
    zombies, _ = beacon.judge()
    part.ok(zombies, 'a daemon that forgets withdrawals is found out', beacon.figures())
    part.ok(True, '%d zombies there' % len(zombies))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1000000))
    parser.add_argument('--control', default=CONTROL)
    chosen = parser.parse_args()
    sys.argv[1:] = []
    if netns.missing():
        tap = Tap()
        tap.skip('the beacon', netns.missing())
        tap.done()
    print('# seed %d' % chosen.seed)
    run_parts([('beacon', sound, (chosen.seed,)), ('control', forgetful, (chosen.control,))])


main()
