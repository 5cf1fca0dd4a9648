#!/usr/bin/env python3
"""One hub, five spokes, the hub gone for ever: one command makes a spoke the hub, and one at each
other joins it, by each of the four methods, while lookups are answered. `ils status` says what is
wrong and what is typed; after `ils forget` it is healthy everywhere.

The spokes have met each other before, or hold each other's certificates: by an invite, by a bundle.
Where they do not (method star: each pair of hub and spoke has exchanged certificates by hand,
and no
other pair), the join is refused; what it says is typed, and the next one is not."""
import os
import sys
import time

import live
import netns
from harness import Tap, wait_until
from mesh.methods import METHODS, Method
from mesh.parts import run_parts
from mesh.world import Mesh

RATE = int(os.environ.get('ILS_LOAD', 20))


class Star(Method):
    """Certificates imported one by one, of the two ends of each link and no others."""
    way = 'tls'

    def prepare(self, nodes):
        super().prepare(nodes)
        for c in nodes[1:]:
            c.must('trust', 'import', '-', stdin=nodes[0].must('cert', 'export'))
            nodes[0].must('trust', 'import', '-', stdin=c.must('cert', 'export'))


def network(part, lan, method):
    mesh = Mesh(lan, method, hubs=1, spokes=5)
    mesh.build()
    part.ok(mesh.settles() is not None, 'a hub and five spokes', mesh.last)
    method.finish(mesh.nodes)
    part.ok(mesh.settles() is not None, 'all are set up', mesh.last)
    return mesh


def hub_is_gone(part, mesh):
    """For ever. What its spokes say of it."""
    old = mesh.hubs[0]
    mesh.lan.unplug(old)
    old.kill()
    c = mesh.spokes[1]
    said = wait_until(lambda: degraded(c, 'hub'), 30, 0.2)
    part.ok(said, 'a spoke says that its hub is gone', c.json('status'))
    part.ok(True, 'it says: %s; next: %s' % (said['cause'], said['next']) if said else 'nothing')
    part.ok(all(mesh.finds(c, n) for n in live.numbers(mesh.nodes, old)),
            'and serves what the hub said last')
    return old


def degraded(c, word):
    status = c.json('status')
    return status if status['health'] != 'healthy' and word in status['cause'] else None


def promote(part, mesh, new):
    status, out = new.shell('ils role hub')
    part.same((status, out.strip()), (0, 'OK'), '`ils role hub` at %s' % new.name)
    mesh.hubs, mesh.spokes = [new], [c for c in mesh.spokes if c is not new]


def stands(part, mesh, old, name):
    """The new star; hub1 is still known, and its data served, until it is forgotten."""
    took = mesh.links_stand()
    part.ok(took is not None, name + ': each spoke has one link, to the new hub', mesh.last)
    for at in (mesh.hubs[0], mesh.spokes[-1]):
        number = mesh.change(at)
        part.ok(wait_until(lambda: all(mesh.finds(c, number) for c in mesh.running()), 10, 0.05),
                '%s: a change at %s arrives everywhere' % (name, at.name), mesh.complaint())


def forget(part, mesh, old):
    new = mesh.hubs[0]
    said = wait_until(lambda: degraded(new, old.name), 20, 0.2)
    part.ok(said, 'the new hub misses the old one', new.json('status'))
    part.ok(True, 'it says: %s; next: %s' % (said['cause'], said['next']) if said else 'nothing')
    new.must('forget', old.name)
    gone = wait_until(lambda: not any(
        mesh.finds(c, live.numbers(mesh.nodes, old)[0]) for c in mesh.running()), 10, 0.05)
    part.ok(gone, '`ils forget %s`: nobody serves its numbers any more' % old.name)
    unwell = []

    def well():
        unwell[:] = [(c.name, s['cause']) for c in mesh.running()
                     for s in [c.json('status')] if s['health'] != 'healthy']
        return not unwell
    part.ok(wait_until(well, 10, 0.2), 'and everybody is healthy', unwell)


def one(part, lan, name):
    mesh = network(part, lan, METHODS[name](lan))
    new = mesh.spokes[0]
    with live.Load(mesh.nodes, RATE * len(mesh.spokes), doors=mesh.spokes) as load:
        old = hub_is_gone(part, mesh)
        promote(part, mesh, new)
        for c in mesh.spokes:
            status, out = c.shell('ils join ' + new.address)
            part.ok(status == 0 and 'ILS-100' in out, 'one `ils join` at %s' % c.name, out)
        stands(part, mesh, old, 'promoted')
    part.ok(load.good(), 'no lookup failed', load.figures(), *load.notes)
    part.ok(True, load.figures())
    forget(part, mesh, old)
    part.ok(mesh.settles() is not None, 'all digests are equal', mesh.last)


def strangers(part, lan):
    """What a pair says that never met, and that typing it is enough."""
    mesh = network(part, lan, Star(lan))
    new = mesh.spokes[0]
    old = hub_is_gone(part, mesh)
    promote(part, mesh, new)
    for c in mesh.spokes:
        for _ in range(3):
            v = c.json('join', new.address)
            if v['code'] == 'ILS-100':
                break
            end = c if v['remedy_at'] == 'here' else new
            part.ok(v['code'] == 'ILS-301' and v['remedy'].startswith('ils trust import --verdict'),
                    '%s is refused: %s' % (c.name, v['cause']), v)
            status, out = end.shell(v['remedy'])
            part.same(status, 0, 'typed at %s: %s' % (end.name, v['remedy'].split()[0:4]), out)
        part.same(v['code'], 'ILS-100', '%s has joined' % c.name, v)
    stands(part, mesh, old, 'by hand')
    forget(part, mesh, old)


def main():
    reason = netns.missing() or (live.missing() and live.missing() + ' is not installed')
    if reason:
        tap = Tap()
        tap.skip('one of five spokes becomes the hub', reason)
        tap.done()
    wanted = sys.argv[1:] or list(METHODS) + ['star']
    run_parts([(name, strangers, ()) if name == 'star' else (name, one, (name,))
               for name in wanted])


main()
