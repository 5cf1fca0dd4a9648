#!/usr/bin/env python3
"""The password of nine clusters is rotated while the network is cut in two. One side is through
with it before the other one has begun: when the cut is healed, the hubs say who lacks which
generation and what is to be typed where; that is typed, and the network is whole. No lookup fails
at any of the nine meanwhile, and what is changed on either side arrives everywhere. By both methods
that have a password. Words of the command line choose; ILS_LOAD: lookups a second at each."""
import os
import sys

import live
import netns
from harness import Tap, wait_until
from mesh.methods import METHODS
from mesh.parts import run_parts
from mesh.world import Mesh

NEW = 'another password\n'
RATE = int(os.environ.get('ILS_LOAD', 20))


def rotate(clusters):
    """As it is done: everybody has the new one before anybody prefers it."""
    for c in clusters:
        c.must('password', 'add', '--generation', 2, '--stdin', stdin=NEW)
    for c in clusters:
        c.must('password', 'prefer', 2)


def drop_old(clusters):
    for c in clusters:
        c.must('password', 'drop', 1)


def refusal(hub):
    """What it says of the hubs that it does not reach: {hub: (code, what to type, where)}."""
    return {row['cluster_id']: (row['last_code'], row['next'], row['next_at'])
            for row in hub.json('hubs') if not row['linked']}


def rotation(part, lan, name):
    mesh = Mesh(lan, METHODS[name](lan))
    mesh.build()
    part.ok(mesh.settles(60) is not None, 'three hubs and six spokes', mesh.last)
    one, two, three = mesh.hubs
    this = [one] + [c for c in mesh.spokes if mesh.home[c] is one]
    that = [c for c in mesh.nodes if c not in this]
    with live.Load(mesh.nodes, RATE * len(mesh.nodes)) as load:
        for a in this:
            for b in that:
                lan.cut(a, b)
        part.ok(wait_until(lambda: set(refusal(one)) == {'hub2', 'hub3'}), 'the network is cut',
                one.json('hubs'))
        rotate(this)
        drop_old(this)
        part.ok(wait_until(lambda: all(mesh.hub_of(c) is one for c in this[1:])),
                'this side has the new password alone', *(c.json('status') for c in this))
        apart = [mesh.change(this[1]), mesh.change(that[-1])]
        lan.heal()
        said = wait_until(lambda: (lambda r: r if r and all(
            v[0] == 'ILS-204' for v in r.values()) else None)(refusal(one)), 90, 0.2)
        part.ok(said and set(said) == {'hub2', 'hub3'}, 'healed: hub1 is refused with ILS-204',
                one.json('hubs'))
        for name, (code, remedy, at) in sorted((said or {}).items()):
            part.ok(remedy.startswith('ils password add --generation 2 --stdin') and at == 'there',
                    'and of %s it says what to type there' % name, code, remedy)
        for hub in (two, three):
            wait_until(lambda: refusal(hub).get('hub1', ('',))[0] == 'ILS-204', 90, 0.2)
            code, remedy, at = refusal(hub).get('hub1', ('', '', ''))
            part.ok(remedy.startswith('ils password add --generation 2 --stdin') and at == 'here',
                    'at %s nobody is asked for the former password' % hub.name, code, remedy, at)
        status = one.json('status')
        part.ok(status['health'] == 'degraded' and 'ils password add' in (status['next'] or ''),
                'its status says it, too', status)
        rotate(that)
        part.ok(mesh.settles(150) is not None, 'that side has it as well: the mesh is whole',
                mesh.last, one.json('hubs'), *(v for v in one.json('verdicts')[:4]))
        drop_old(that)
        part.ok(mesh.settles(60) is not None, 'and nobody holds the old one', mesh.last)
        part.ok(all(Mesh.finds(c, n) for c in mesh.nodes for n in apart),
                'what was changed on either side is everywhere')
    part.ok(load.good(), 'no lookup failed at any of the nine', load.figures(), *load.notes)
    part.ok(True, load.figures())
    part.ok(all(c.json('password', 'list') == [{'generation': 2, 'preferred': True}]
                for c in mesh.nodes), 'one generation everywhere')
    healthy = lambda: all(c.json('status')['health'] == 'healthy' for c in mesh.nodes)
    part.ok(wait_until(healthy, 120), 'all is well',
            *(c.json('status')['cause'] for c in mesh.nodes))


def main():
    reason = netns.missing() or (live.missing() and live.missing() + ' is not installed')
    if reason:
        tap = Tap()
        tap.skip('nine clusters in namespaces', reason)
        tap.done()
    wanted = sys.argv[1:] or ['password', 'tls+password']
    run_parts([(name, rotation, (name,)) for name in wanted])


main()
