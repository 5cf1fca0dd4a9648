#!/usr/bin/env python3
"""What an operator does to one of nine clusters while all are asked for numbers: a hub is made a
spoke
and a hub again, a copy of a cluster is started beside it, yesterday's backup of a spoke and of a
hub
is put back. Each with the words that he sees; no lookup fails, nothing is lost, and afterwards
every
pair has its link and all digests are equal.

One method; ILS_MESH=all: each of them. Words of the command line choose."""
import contextlib
import os
import shutil
import sys
import threading
import time

import live
import netns
from harness import Tap, wait_until
from mesh.methods import METHODS
from mesh.parts import run_parts
from mesh.scenes import Scenes
from mesh.world import Mesh

RATE = int(os.environ.get('ILS_LOAD', 20))
AGAIN = 75 # who was refused tries again after a minute
CLONED = 'another copy of this cluster is running'


def status_says(part, c, *words):
    """Health and next of `ils status`, once the words are in them."""
    def said():
        status = c.json('status')
        text = '%s %s' % (status['cause'], status['next'])
        return status if all(word in text for word in words) else None
    status = wait_until(said, 30, 0.2)
    part.ok(status, 'ils status at %s says: %s' % (c.name, ' ... '.join(words)), c.json('status'),
            c.json('alarms'))
    return status or c.json('status')


def cloned(c):
    return CLONED in (c.json('status')['cause'] or '')


def alarm(c, name):
    return [a for a in c.json('alarms') if a['name'] == name and a['active']]


class Changes:
    """Something is changed at that cluster, again and again; each change that was answered with yes
    is found everywhere afterwards."""

    def __init__(self, mesh, c):
        self.mesh, self.c, self.made, self.over = mesh, c, [], False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()

    def run(self):
        while not self.over:
            self.made.append(self.mesh.change(self.c))

    def lost(self, clusters):
        return [(c.name, n) for c in clusters for n in self.made if not self.mesh.finds(c, n)]


# --- a hub is made a spoke under load, and a hub again

def drained(part, mesh, scenes):
    hub = scenes.busiest(mesh.hubs)
    spokes = mesh.served_by(hub)
    with Changes(mesh, spokes[0]) as changes:
        began = time.monotonic()
        status, out = hub.shell('ils role spoke')
        took = time.monotonic() - began
        part.ok(status == 0 and out.endswith('OK\n') and 'waiting until these have gone to another '
                'hub: ' in out, '`ils role spoke` at %s says for whom it waits' % hub.name, out)
        part.ok(all(mesh.hub_of(c, hub) for c in spokes),
                'when it is answered, its %d spokes have another hub' % len(spokes))
        mesh.hubs.remove(hub)
        mesh.spokes.append(hub)
        part.ok(mesh.links_stand() is not None, 'a spoke like the others', mesh.last)
    scenes.whole('%s is a spoke' % hub.name)
    part.ok(changes.made and not changes.lost(mesh.running()),
            'of %d changes meanwhile none is lost' % len(changes.made),
            changes.lost(mesh.running()))
    part.ok(True, 'a hub turned spoke: in %.1f s' % took)
    status, out = hub.shell('ils role hub')
    part.same((status, out.strip()), (0, 'OK'), '`ils role hub`')
    mesh.spokes.remove(hub)
    mesh.hubs.append(hub)
    scenes.whole('%s is a hub again' % hub.name)


# --- a copy beside its original

def copied(part, mesh, scenes, c):
    """The machine was cloned while it ran: the copy's boot number is the higher one, so the
    original
    is refused. It stops writing, and goes on by itself when the copy is somebody else."""
    copy = mesh.lan.cluster('copy', start=False)
    shutil.rmtree(copy.data)
    shutil.copytree(c.data, copy.data, ignore=shutil.ignore_patterns('*.sock', 'trace'))
    copy.start()
    refused = wait_until(lambda: [x for x in (c, copy) if cloned(x)], 30, 0.2)
    part.same([x.name for x in refused], [c.name], 'the original finds out', c.json('status'),
              copy.json('status'))
    hubs = wait_until(lambda: [h.name for h in mesh.hubs if alarm(h, 'ILSDuplicateClusterID')])
    part.ok(hubs, 'and so does a hub', *(h.json('alarms') for h in mesh.hubs))
    said = status_says(part, c, CLONED, 'ils identity new --cluster-id %s-' % c.name)
    part.ok(True, 'it says: %s; next: %s' % (said['cause'], said['next']))
    code, out = c.ils('plan', 'add', 'E164', '+81999')
    part.ok(code == 1 and CLONED in c.error, 'nothing is written there', out, c.error)
    code, out = copy.shell(said['next'])
    part.ok(code == 0 and out.startswith('OK'), 'what it says is typed at the copy', out)
    copy.name = said['next'].split()[4]
    mesh.nodes.append(copy)
    mesh.spokes.append(copy)
    let_in(mesh, copy)
    took = mesh.settles(AGAIN)
    part.ok(took is not None, 'the copy is another cluster; the original, which was refused, comes '
            'back by itself', mesh.last)
    rebuilt(part, c)
    scenes.arrives('the copy', copy)
    scenes.arrives('the original', c)
    scenes.whole('both write')
    left = [x.name for x in mesh.nodes if alarm(x, 'ILSRolledBack')]
    part.ok(not left and not cloned(c) and not cloned(copy), 'nothing is to be chosen', left)
    copy.must('leave', '--yes')
    mesh.nodes.remove(copy)
    mesh.spokes.remove(copy)
    copy.stop()
    scenes.whole('the copy has left')


def rebuilt(part, c):
    """The copy may have said something in its name while both ran: it is told so, and what to
    type."""
    status = wait_until(lambda: c.json('identity')['writing'] == 'yes', 3) or c.json('status')
    if status is not True:
        part.ok(status['next'].startswith('ils rebuild'), '%s says: %s; next: %s' % (
            c.name, status['cause'], status['next']), status)
        code, out = c.shell('ils rebuild')
        part.ok(code == 0 and out.endswith('OK\n'), 'that is typed', out)
    part.ok(wait_until(lambda: c.json('identity')['writing'] == 'yes'), '%s writes' % c.name,
            c.json('identity'))


def let_in(mesh, copy):
    """Its certificate is new; where certificates were imported, that one is as well."""
    if mesh.method.way == 'tls':
        for hub in mesh.hubs:
            hub.must('trust', 'import', '-', stdin=copy.must('cert', 'export'))


# --- yesterday's backup

def put_back(part, mesh, scenes, c):
    """Its data directory of yesterday: it takes what its neighbours hold of it, and nothing of what
    it said since is lost."""
    c.stop()
    yesterday = os.path.join(mesh.lan.folder, c.name + '-yesterday')
    shutil.copytree(c.data, yesterday, ignore=shutil.ignore_patterns('*.sock', 'trace'))
    c.start()
    mesh.links_stand()
    today = [mesh.change(c) for _ in range(5)]
    gone = mesh.change(c)
    scenes.whole('%s, today' % c.name)
    c.must('plan', 'remove', 'E164', gone)
    scenes.whole('%s, a little later' % c.name)
    c.stop()
    shutil.rmtree(c.data)
    shutil.copytree(yesterday, c.data)
    c.start()
    scenes.whole('%s from yesterday' % c.name)
    lost = [(x.name, n) for x in mesh.running() for n in today if not mesh.finds(x, n)]
    back = [x.name for x in mesh.running() if mesh.finds(x, gone)]
    part.ok(not lost and not back, '%s: nothing is lost, and nothing comes back' % c.name, lost,
            back)
    part.ok(wait_until(lambda: c.json('identity')['writing'] == 'yes'), '%s writes' % c.name,
            c.json('identity'))
    scenes.arrives('%s from yesterday' % c.name, c)
    part.ok(not alarm(c, 'ILSRolledBack'), '%s: nothing is to be chosen' % c.name)


def one(part, lan, name):
    mesh = Mesh(lan, METHODS[name](lan))
    mesh.build()
    scenes = Scenes(part, mesh)
    mesh.method.finish(mesh.nodes)
    scenes.whole('the mesh by itself')
    spoke = mesh.spokes[-1]
    with loaded(part, mesh, 'a hub is made a spoke', mesh.nodes):
        drained(part, mesh, scenes)
    with loaded(part, mesh, 'a hub from yesterday', mesh.spokes):
        put_back(part, mesh, scenes, mesh.hubs[0])
    with loaded(part, mesh, 'a spoke from yesterday, and copied', mesh.spokes[:-1]):
        put_back(part, mesh, scenes, spoke)
        copied(part, mesh, scenes, spoke)
    scenes.figures()


@contextlib.contextmanager
def loaded(part, mesh, name, doors):
    """Callers at these; who is stopped has none."""
    with live.Load(list(mesh.nodes), RATE * len(doors), doors=list(doors)) as load:
        yield
    part.ok(load.good(), name + ': no lookup failed', load.figures(), *load.notes)
    part.ok(True, '%s: %s' % (name, load.figures()))


def main():
    reason = netns.missing() or (live.missing() and live.missing() + ' is not installed')
    if reason:
        tap = Tap()
        tap.skip('nine clusters and their operators', reason)
        tap.done()
    everything = list(METHODS) if os.environ.get('ILS_MESH') == 'all' else ['password']
    run_parts([(name, one, (name,)) for name in sys.argv[1:] or everything])


main()
