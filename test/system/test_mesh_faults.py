#!/usr/bin/env python3
"""Three hubs and six spokes, real daemons in network namespaces: they mesh by themselves by each of
the four methods, whatever is done to them they come back, spokes find another hub within 15 s, and
no lookup fails meanwhile (rows B7 and D6 are in it). Then spokes are killed, paused and cut off,
one after another: the others do not notice.

One method is taken through everything, the others through less; ILS_MESH=all: each through all.
Words of the command line choose methods. ILS_LOAD: lookups a second at each spoke."""
import os
import sys

import live
import netns
from harness import Tap, wait_until
from mesh.methods import METHODS
from mesh.parts import run_parts
from mesh.scenes import Scenes
from mesh.world import Mesh

WHOLE = 'switched'
SPOKES = 'bundle'     # the method by which spokes die, unless by each
RATE = int(os.environ.get('ILS_LOAD', 20))
ALL = os.environ.get('ILS_MESH') == 'all'


def one(part, lan, name):
    mesh = Mesh(lan, METHODS[name](lan))
    mesh.build()
    part.same([v['code'] for v in mesh.verdicts], ['ILS-100'] * 8, 'all join', *mesh.verdicts)
    scenes = Scenes(part, mesh)
    scenes.whole('the mesh by itself')
    mesh.method.finish(mesh.nodes)
    scenes.whole('all are set up')
    methods = {row['link_method'] for c in mesh.nodes for row in c.ask('peers')['result']
               if row['linked']}
    part.same(methods, {mesh.method.way}, 'every link is %s' % mesh.method.way)
    if name == 'password':
        scenes.controls()
        with live.Load(mesh.nodes, RATE, doors=mesh.spokes[:1], also=['+999']) as load:
            wait_until(lambda: load.doors[0].failed() > 0, 30)
        part.ok(not load.good(), 'control: a lookup that fails is counted', load.figures())
    with live.Load(mesh.nodes, RATE * len(mesh.spokes), doors=mesh.spokes) as load:
        if ALL or name == WHOLE:
            scenes.everything()
        else:
            scenes.shorter()
    part.ok(load.good(), 'no lookup failed at any spoke', load.figures(), *load.notes)
    part.ok(True, load.figures())
    if ALL or name == SPOKES:
        spokes(part, mesh, scenes)
    scenes.figures()


def spokes(part, mesh, scenes):
    """One spoke after another is killed, paused and cut off; the callers are at the other ones."""
    dying, others = mesh.spokes[:2], mesh.spokes[2:]
    number = live.numbers(mesh.nodes, mesh.hubs[-1])[0]
    with live.Load(mesh.nodes, RATE * len(others), doors=others) as load:
        scenes.spokes_die(dying, number)
    part.ok(load.good(), 'a spoke dies: no lookup failed at any other', load.figures(), *load.notes)
    part.ok(True, load.figures())


def main():
    reason = netns.missing() or (live.missing() and live.missing() + ' is not installed')
    if reason:
        tap = Tap()
        tap.skip('three hubs and six spokes', reason)
        tap.done()
    wanted = sys.argv[1:] or sorted(METHODS, key=lambda name: name != WHOLE)
    run_parts([(name, one, (name,)) for name in wanted])


main()
