#!/usr/bin/env python3
"""Membership with real daemons, and with the words that the operator sees: roles that change, a hub
that is gone for good, leaving and coming back, `forget` and `ban`, two networks that become one, a
copy beside its original, and a data directory that was put back from a backup. What `ils` says is
to be typed next is typed."""
import os
import random
import re
import shutil
import threading

from harness import ROOT, wait_until
from mesh.methods import METHODS
from rows import run_all


# --- what the parts share

def cluster(net, name, method, number=None):
    """A cluster that has what the method needs, and with a number one entry of its plan."""
    c = net.cluster(name)
    method.prepare([c])
    if number:
        add(c, number)
    return c


def add(c, number):
    c.must('plan', 'add', 'ENTERPRISE', number)


def finds(c, number):
    return c.json('lookup', number)['result'] in ('found', 'no_route', 'local')


def all_find(clusters, numbers):
    return wait_until(lambda: all(finds(c, n) for c in clusters for n in numbers))


def none_finds(clusters, number):
    return wait_until(lambda: not any(finds(c, number) for c in clusters))


def role(c):
    return c.json('status')['role']


def linked(c):
    return {row['cluster_id'] for row in c.json('clusters') if row['linked']}


def links(c, *others):
    """Linked with these and with nobody else."""
    wanted = {o.name for o in others}
    return wait_until(lambda: linked(c) == wanted)


def next_of(c):
    return next((line[len('next: '):] for line in c.error.splitlines()
                 if line.startswith('next: ')), '')


def refused(part, c, words, sentence, remedy):
    """A command that is refused in these words."""
    status, _ = c.ils(*words)
    part.ok(status == 1 and sentence in c.error, 'ils %s is refused: %s' % (' '.join(words),
                                                                           sentence), c.error)
    part.same(next_of(c), remedy, 'and what is to be typed')


def alarm(c, name):
    return next((a for a in c.json('alarms') if a['name'] == name and a['active']), None)


# --- roles

def roles(part, net):
    """A hub becomes a spoke when there is another one, and not before."""
    method = METHODS['password'](net)
    tokyo = cluster(net, 'tokyo', method, '1001')
    osaka, kyoto = (cluster(net, n, method, d) for n, d in (('osaka', '1002'), ('kyoto', '1003')))
    every = (tokyo, osaka, kyoto)
    row = cluster(net, 'nara', method).json('sync')['clusters'][0]
    part.same((row['status'], row['digest_equal']), ('No plan yet', None),
              'where there is no plan no digest differs')
    refused(part, osaka, ['role', 'spoke'], 'a cluster becomes a spoke by joining a hub',
            'ils join HOST')
    tokyo.must('role', 'hub')
    for c in (osaka, kyoto):
        part.same(method.join(c, tokyo)['code'], 'ILS-100', '%s joins tokyo' % c.name)
    part.ok(all_find(every, ('1001', '1002', '1003')), 'everybody has everything')
    refused(part, tokyo, ['role', 'spoke'], 'this is the only hub that is reached: ',
            'ils role hub, at another cluster')
    part.ok('would have nobody to go to' in tokyo.error, 'and who would', tokyo.error)
    part.same(osaka.ils('role', 'hub'), (0, 'OK\n'), 'the remedy: ils role hub, at osaka')
    part.ok(wait_until(lambda: [r['cluster_id'] for r in tokyo.json('hubs') if r['linked']] ==
                       ['osaka']), 'tokyo counts it among the hubs', tokyo.json('hubs'))
    part.same(tokyo.ils('role', 'spoke'), (0, 'OK\n'), 'now tokyo may be a spoke', tokyo.error)
    part.same((role(tokyo), role(osaka)), ('Spoke', 'Hub'), 'the roles')
    part.ok(links(osaka, tokyo, kyoto) and links(kyoto, osaka) and links(tokyo, osaka),
            'osaka serves the others', linked(tokyo), linked(osaka), linked(kyoto))
    part.ok(all_find(every, ('1001', '1002', '1003')), 'and everybody has everything')
    add(tokyo, '2001')
    part.ok(all_find(every, ('2001',)), 'what is new comes over osaka')
    part.ok(wait_until(lambda: all(c.json('status')['health'] == 'healthy' for c in every)),
            'and all is well', *(c.json('status') for c in every))
    part.same(tokyo.ils('role', 'spoke'), (0, 'OK\n'), 'a spoke is one')
    refused(part, tokyo, ['role', 'spoke', '--hub', 'osaka'],
            'a cluster becomes a spoke by joining a hub', 'ils join HOST')
    words = [row['what'] for row in tokyo.json('audit')]
    part.ok(any(w.startswith('role role=spoke') for w in words), 'the audit has it', words)


class Load:
    """Lookups at these clusters, one after another without a pause, and changes at one of them."""

    def __init__(self, clusters, numbers, changes_at):
        self.clusters, self.numbers, self.at = clusters, numbers, changes_at
        self.lookups, self.failed, self.changes, self.over = 0, [], 0, False
        self.threads = [threading.Thread(target=self.run, args=(c,)) for c in clusters]
        self.threads.append(threading.Thread(target=self.change))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.over = True
        for thread in self.threads:
            thread.join()

    def run(self, c):
        while not self.over:
            for number in self.numbers:
                result = c.ask('lookup', dialled=number)['result']['result']
                self.lookups += 1
                if result == 'no_match':
                    self.failed.append((c.name, number))

    def change(self):
        while not self.over:
            answer = self.at.ask('plan add', kind='ENTERPRISE', key='77%04d' % self.changes)
            self.changes += bool(answer['ok'])


def three_hubs(part, net):
    """A hub with spokes registers with the hub that is named, and its spokes go elsewhere."""
    method = METHODS['password'](net)
    names = ('tokyo', 'osaka', 'kyoto', 'nara', 'kobe')
    tokyo, osaka, kyoto, nara, kobe = every = [net.cluster(n) for n in names]
    method.prepare(every)
    for c in every:
        add(c, '1%03d' % every.index(c))
    tokyo.must('role', 'hub')
    for hub in (osaka, kyoto):
        method.join(hub, tokyo, 'hub')
    for spoke in (nara, kobe):
        method.join(spoke, kyoto)
    part.ok(links(osaka, tokyo, kyoto) and links(tokyo, osaka, kyoto), 'the hubs are linked',
            linked(tokyo), linked(osaka), linked(kyoto))
    part.ok(all_find(every, ['1%03d' % n for n in range(5)]), 'everybody has everything')
    refused(part, kyoto, ['role', 'spoke', '--hub', 'uji.example.com'],
            "no cluster 'uji.example.com' is known", 'ils clusters')
    with Load(every, ['1%03d' % n for n in range(5)], kobe) as load:
        wait_until(lambda: load.changes > 10 and load.lookups > 100)
        part.same(kyoto.ils('role', 'spoke', '--hub', '%s:%d' % (osaka.address, osaka.port)),
                  (0, 'OK\n'), 'kyoto becomes a spoke of osaka, under load', kyoto.error)
        before = load.changes
        wait_until(lambda: load.changes > before + 20)
    part.ok(not load.failed and load.lookups > 100, 'no lookup failed', load.lookups,
            load.failed[:10])
    part.ok(all_find(every, ['77%04d' % n for n in range(load.changes)]), 'no change was lost',
            load.changes)
    part.ok(links(kyoto, osaka), 'osaka is its hub', linked(kyoto))
    part.ok(all(wait_until(lambda c=c: linked(c) and linked(c) <= {'tokyo', 'osaka'})
                for c in (nara, kobe)), 'its spokes are with the others', linked(nara),
                linked(kobe))
    part.ok(not any(r['why'] == 'hub' and r['cluster_id'] == 'kyoto' for r in tokyo.json('hubs')),
            'tokyo counts it no more', tokyo.json('hubs'))
    add(kobe, '2001')
    part.ok(all_find(every, ('2001',)), 'what is new arrives')
    part.same(kyoto.ils('role', 'hub'), (0, 'OK\n'), 'and back')
    part.ok(wait_until(lambda: {'tokyo', 'osaka'} <= linked(kyoto)), 'it is in the mesh again',
            linked(kyoto))
    for spoke in (nara, kobe):
        method.join(spoke, tokyo)
    disconnected_hub(part, tokyo, osaka, kyoto)


def disconnected_hub(part, tokyo, osaka, kyoto):
    """Two hubs' operators part from a third, and with them from those behind: it says why."""
    for hub in (tokyo, osaka):
        hub.must('disconnect', 'kyoto')
    part.ok(links(kyoto), 'kyoto is linked with nobody', linked(kyoto))
    status = wait_until(lambda: (lambda s: s if s['cause'] else None)(kyoto.json('status')))
    part.ok(status and status['cause'] in ['disconnected from cluster %s by an operator' % n
                                           for n in ('tokyo', 'osaka')] and
            (status['next'], status['next_at']) == ('ils connect kyoto', 'there'),
            'its status says by whom, not whose data is late', status)


def promoted(part, net, way):
    """The only hub is gone for good: one command at a spoke, one join at each other."""
    method = METHODS[way](net)
    clusters = [net.cluster(n) for n in ('tokyo', 'osaka', 'kyoto')]
    tokyo, osaka, kyoto = clusters
    method.prepare(clusters)
    tokyo.must('role', 'hub')
    for c, number in ((osaka, '1002'), (kyoto, '1003')):
        add(c, number)
        part.same(method.join(c, tokyo)['code'], 'ILS-100', '%s joins' % c.name)
    method.finish(clusters)
    part.ok(all_find(clusters, ('1002', '1003')), 'everybody has everything')
    tokyo.kill()
    part.ok(wait_until(lambda: osaka.json('status')['health'] == 'degraded'), 'the hub is missed',
            osaka.json('status'))
    part.ok(finds(osaka, '1003') and finds(kyoto, '1002'), 'nobody has lost anything')
    part.same(osaka.ils('role', 'hub'), (0, 'OK\n'), 'ils role hub, at osaka')
    if way == 'switched':
        osaka.port = osaka.tls_port
    verdict = method.join(kyoto, osaka)
    part.same(verdict['code'], 'ILS-100', 'ils join, at kyoto', verdict)
    add(kyoto, '2003')
    part.ok(wait_until(lambda: finds(osaka, '2003')), 'and what is new arrives')
    part.ok(links(osaka, kyoto), 'they are linked', linked(osaka))
    part.same(osaka.ils('forget', 'tokyo'), (0, 'OK\n'), 'the dead hub is forgotten', osaka.error)
    part.ok(wait_until(lambda: all(c.cluster('tokyo') is None for c in (osaka, kyoto))),
            'and nobody knows it any more', kyoto.json('clusters'))
    part.ok(wait_until(lambda: all(c.json('status')['health'] == 'healthy'
                                   for c in (osaka, kyoto))),
            'all is well', *(c.json('status') for c in (osaka, kyoto)))


# --- those who go

def left(part, net):
    """A spoke leaves; what it told the others is gone there, and comes back with it."""
    method = METHODS['password'](net)
    tokyo, osaka, kyoto = (cluster(net, n, method, d) for n, d in
                           (('tokyo', '1001'), ('osaka', '1002'), ('kyoto', '1003')))
    refused(part, osaka, ['leave'], 'this cluster is in no network', 'ils join HOST')
    tokyo.must('role', 'hub')
    for c in (osaka, kyoto):
        method.join(c, tokyo)
    part.ok(all_find((tokyo, osaka, kyoto), ('1001', '1002', '1003')), 'everybody has everything')
    before = osaka.json('identity')
    status, out = osaka.ils('leave')
    part.same((status, out), (0,
                              'OK: left; its own entries (1) stay here, and the others have them '
                                 'again when it joins\n'), 'osaka leaves', osaka.error)
    part.same(role(osaka), 'Standalone', 'and is standalone')
    part.ok(none_finds((tokyo, kyoto), '1002'), 'its entries are gone at the others')
    part.ok(finds(osaka, '1002'), 'and not here')
    part.ok(wait_until(lambda: tokyo.cluster('osaka') is None), 'the table of clusters at tokyo',
            tokyo.cluster('osaka'))
    part.same([(r['cluster_id'], r['how'], r['by']) for r in kyoto.json('ended')],
              [('osaka', 'left', 'osaka')], 'ils ended at kyoto')
    part.ok(wait_until(lambda: all(c.json('status')['health'] == 'healthy'
                                   for c in (tokyo, kyoto))), 'nothing is to be mended',
            *(c.json('status')['cause'] for c in (tokyo, kyoto)))
    osaka.restart()
    part.same(role(osaka), 'Standalone', 'it stays so')
    add(osaka, '2002')
    part.same(method.join(osaka, tokyo)['code'], 'ILS-100', 'it joins again')
    part.ok(all_find((tokyo, kyoto), ('1002', '2002')), 'and its entries are back')
    after = osaka.json('identity')
    part.ok(after['peer_id'] == before['peer_id'] and after['usn'] > before['usn'],
            'the same cluster, and a higher usn', before, after)


def gone(part, net):
    """A cluster that is gone is forgotten, and may come back; one that was banned may not."""
    method = METHODS['password'](net)
    tokyo, osaka, kyoto = (cluster(net, n, method, d) for n, d in
                           (('tokyo', '1001'), ('osaka', '1002'), ('kyoto', '1003')))
    tokyo.must('role', 'hub')
    for c in (osaka, kyoto):
        method.join(c, tokyo)
    part.ok(all_find((tokyo, osaka, kyoto), ('1001', '1002', '1003')), 'everybody has everything')
    refused(part, osaka, ['forget', 'kyoto'], 'a hub knows that cluster: forgotten here alone, it '
            'would come back', 'at hub tokyo: ils forget kyoto')
    refused(part, osaka, ['ban', 'kyoto', '--yes'], 'only a hub forgets and bans',
            'at a hub: ils ban kyoto')
    refused(part, tokyo, ['leave'], 'this is the only hub that is reached: ',
            'ils role hub, at another cluster (ils leave --force leaves all the same)')
    refused(part, tokyo, ['forget', 'nara'], "no cluster 'nara' is known", 'ils clusters')
    refused(part, tokyo, ['forget', 'tokyo'], "'tokyo' is this cluster itself", 'ils clusters')
    refused(part, tokyo, ['forget', 'kyoto'], "'kyoto' is linked with this cluster",
            'ils leave, at that cluster')
    kyoto.stop()
    part.ok(wait_until(lambda: not linked(tokyo) & {'kyoto'}), 'kyoto has gone')
    status = wait_until(lambda: (lambda s: s if s['cause'] else None)(tokyo.json('status')))
    part.same((status['cause'], status['next']),
              ('the data of cluster kyoto: Disconnected',
               'ils diagnose 127.0.0.1:%d' % kyoto.port), 'its status')
    code, out = tokyo.shell(status['next'])
    part.ok(code == 1 and 'nothing listens there' in out, 'which finds out', out)
    part.same(tokyo.ils('forget', 'kyoto'), (0, 'OK\n'), 'and is forgotten', tokyo.error)
    part.ok(none_finds((tokyo, osaka), '1003'), 'its entries are gone')
    rows = tokyo.json('ended')
    part.same([(r['cluster_id'], r['how'], r['by']) for r in rows],
              [('kyoto', 'forgotten', 'tokyo')], 'ils ended', rows)
    kyoto.start()
    part.ok(all_find((tokyo, osaka), ('1003',)), 'it comes back, with its entries',
            kyoto.json('status'))
    banned(part, tokyo, osaka, kyoto)


def wrong_host(part, net):
    """Who typed the wrong host is told how to return, and returns."""
    method = METHODS['password'](net)
    tokyo, osaka = (cluster(net, n, method) for n in ('tokyo', 'osaka'))
    tokyo.must('role', 'hub')
    method.join(osaka, tokyo)
    part.ok(links(tokyo, osaka), 'they are linked')
    tokyo.kill()
    wait_until(lambda: not osaka.json('status')['join']['up'])
    status, out = osaka.ils('join', 'tokio.invalid')
    back = out.splitlines()[-1].rpartition(': ')[2]
    part.ok(status == 1 and back.startswith('ils join '), 'the way back', out)
    tokyo.start()
    status, out = osaka.shell(back)
    part.same(status, 0, 'typed: ' + back, out)
    part.ok(links(tokyo, osaka), 'they are linked again')
    answer = osaka.json('join', 'tokio.invalid')
    part.same('ils join ' + (answer['former'] or ''), back, 'and for programs', answer)
    status = osaka.json('status')
    part.ok(status['cause'].startswith('not joined: ') and 'tokio.invalid' in status['cause'] and
            (status['or'], status['or_at']) == (back, 'here'),
            'its status, with the way back while tokyo is linked', status)
    part.same(osaka.ils('join', *back.split()[2:])[0], 0, 'back again')


def silent(part, net):
    """A hub, and a spoke, that are gone for good: after two intervals `ils status` says so. How
    long an interval is the others know when they have a change that was made after it was set."""
    method = METHODS['password'](net)
    tokyo, osaka, kyoto, nara = (cluster(net, n, method)
                                 for n in ('tokyo', 'osaka', 'kyoto', 'nara'))
    add(nara, '1004')
    tokyo.must('role', 'hub')
    for c, as_role in ((osaka, 'hub'), (kyoto, 'spoke'), (nara, 'spoke')):
        c.must('sync', 'every', '1')
        method.join(c, tokyo, as_role)
    for c, number in ((osaka, '1002'), (nara, '1005')):
        add(c, number)
    part.ok(links(tokyo, osaka, kyoto, nara) and
            all_find((tokyo, kyoto), ('1002', '1004', '1005')), 'all are there')
    for c in (nara, osaka):
        c.kill()
    status = wait_until(lambda: (lambda s: s if s['cause'] else None)(tokyo.json('status')))
    part.ok(status['cause'].startswith('hub mesh 0 of 1: osaka') and status['or'] is None,
            'at first it may come back', status)
    status = wait_until(lambda: (lambda s: s if s['or'] else None)(tokyo.json('status')), 150)
    part.same((status and status['or'], status and status['or_at']), ('ils forget osaka', 'here'),
              'then it may be gone for good', status)
    gone = {'ils forget ' + name: name for name in ('osaka', 'nara')} # whoever is overdue first
    while gone:
        status = wait_until(lambda: (lambda s: s if s['or'] else None)(kyoto.json('status')), 90)
        typed = status and status['or']
        part.ok(typed in gone and status['or_at'] == 'hub', 'a spoke says where that is typed',
                status)
        text = kyoto.ils('status')[1]
        part.ok(any('or, at a hub: ' + words in text for words in gone), 'to people as well', text)
        name = gone.pop(typed, None) or gone.popitem()[1]
        part.same(tokyo.ils('forget', name), (0, 'OK\n'), 'ils forget ' + name, tokyo.error)
        wait_until(lambda: kyoto.cluster(name) is None)
    part.ok(wait_until(lambda: all(c.json('status')['health'] == 'healthy'
                                   for c in (tokyo, kyoto))), 'and all is well',
            *(c.json('status') for c in (tokyo, kyoto)))


def banned(part, tokyo, osaka, kyoto):
    part.same(tokyo.ils('ban', 'kyoto'), (0, 'OK\n'), 'kyoto is banned', tokyo.error)
    part.ok(none_finds((tokyo, osaka), '1003'), 'its entries are gone')
    part.ok(wait_until(lambda: 'ILS-422' in {v['code'] for v in kyoto.json('verdicts')}),
            'it is told: ILS-422', kyoto.json('verdicts')[:2])
    status = kyoto.json('status')
    part.ok(status['health'] == 'degraded' and 'was banned from this network' in status['cause'] and
            (status['next'], status['next_at']) == ('ils ended', 'there'), 'its status', status)
    status, out = tokyo.shell('ils ended')
    part.ok(status == 0 and 'kyoto' in out and 'banned' in out and 'by: ils unban kyoto' in out,
            'the remedy, at tokyo, says who ends it', out)
    for name in ('kyoto', kyoto.json('identity')['peer_id']):
        refused(part, tokyo, ['ban', name], "'%s' is banned" % name, 'ils ended')
    part.same(METHODS['password'](tokyo.net).join(kyoto, tokyo)['code'], 'ILS-422',
              'a join does not help it')
    part.ok(wait_until(lambda: tokyo.json('status')['health'] == 'healthy'), 'tokyo is well',
            tokyo.json('status'))


def several_hubs(part, net):
    """A spoke that no hub takes, of several: its status says why before it says who, and one that
    an operator disconnected from all names the hub that it registered with."""
    method = METHODS['password'](net)
    tokyo, osaka, kyoto = (cluster(net, n, method) for n in ('tokyo', 'osaka', 'kyoto'))
    tokyo.must('role', 'hub')
    method.join(osaka, tokyo, 'hub')
    method.join(kyoto, osaka)
    part.ok(links(kyoto, osaka) and wait_until(lambda: {r['cluster_id'] for r in
            kyoto.json('hubs') if r['visited']} == {'tokyo', 'osaka'}), 'both hubs know kyoto')
    part.same(tokyo.ils('forget', 'kyoto'),
              (0, 'OK: forgotten; hub osaka lists it as well, and it was heard of lately: if it '
                  'lives it comes back, unless it is banned\n'),
              'one that is linked elsewhere is forgotten', tokyo.error)
    part.ok(wait_until(lambda: all(h.cluster('kyoto') for h in (tokyo, osaka))),
            'and comes back, as was said', tokyo.json('clusters'))
    for name in ('osaka', 'tokyo'):
        kyoto.must('disconnect', name)
    status = kyoto.json('status')
    part.same((status['cause'], status['next'], status['next_at']),
              ('disconnected from cluster osaka by an operator', 'ils connect osaka', 'here'),
              'the hub that it registered with comes first')
    kyoto.must('connect', 'tokyo')
    part.ok(links(kyoto, tokyo), 'connected with the other one first')
    kyoto.must('connect', 'osaka')
    part.ok(wait_until(lambda: linked(kyoto) == {'osaka'}, 20), 'then with its own, at once',
            kyoto.json('hubs'))
    tokyo.must('ban', 'kyoto')
    status = wait_until(lambda: (lambda s: s if 'ILS-422); tried: ' in (s['cause'] or '')
                                 else None)(kyoto.json('status'))) or kyoto.json('status')
    part.ok(status['cause'].startswith("not joined: the cluster was banned from this network by a "
                                       "hub's operator (ILS-422); tried: ") and
            (status['next'], status['next_at']) == ('ils ended', 'there'),
            'banned: why, before who was tried', status)
    part.ok(wait_until(lambda: 'visited, then ILS-422' in kyoto.ils('hubs')[1]),
            'and `ils hubs` says that the alternate refused it as well', kyoto.ils('hubs')[1])
    part.ok(wait_until(lambda: [r['last_code'] for r in kyoto.json('hubs')] == ['ILS-422'] * 2),
            'its own hub too, which parted with that word', kyoto.json('hubs'))


def known_to_a_spoke(part, net):
    """The hub comes from a backup of before kyoto came, and kyoto is gone: osaka alone knows it."""
    method = METHODS['password'](net)
    tokyo, osaka, kyoto = (cluster(net, n, method) for n in ('tokyo', 'osaka', 'kyoto'))
    add(kyoto, '1003')
    tokyo.must('role', 'hub')
    method.join(osaka, tokyo)
    part.ok(links(tokyo, osaka), 'a hub and a spoke')
    folder = os.path.join(net.folder, 'yesterday')
    tokyo.stop()
    backup(tokyo, folder)
    tokyo.start()
    method.join(kyoto, tokyo)
    part.ok(all_find((osaka,), ('1003',)), 'another one comes', osaka.json('clusters'))
    kyoto.kill()
    tokyo.stop()
    refused(part, osaka, ['forget', 'kyoto'], 'only a hub forgets and bans',
            'at a hub: ils forget kyoto')
    put_back(tokyo, folder)
    tokyo.start()
    part.ok(links(osaka, tokyo), 'the hub is back, as it was yesterday', tokyo.json('status'))
    part.ok(tokyo.cluster('kyoto') is None and finds(osaka, '1003'), 'and does not know kyoto',
            tokyo.json('clusters'))
    refused(part, tokyo, ['forget', 'kyoto'], "no cluster 'kyoto' is known", 'ils clusters')
    part.same(osaka.ils('forget', 'kyoto'),
              (0, 'OK: forgotten here alone: no hub knows that cluster\n'),
              'who knows it forgets it', osaka.error)
    part.ok(not finds(osaka, '1003') and osaka.cluster('kyoto') is None, 'and it is gone',
            osaka.json('clusters'))
    osaka.restart()
    part.ok(links(osaka, tokyo) and osaka.cluster('kyoto') is None and
            osaka.json('status')['health'] == 'healthy', 'for good', osaka.json('status'))
    kyoto.start()
    part.ok(all_find((tokyo, osaka), ('1003',)), 'had it been alive, it would be back',
            kyoto.json('status'))


# --- who is who

def networks(part, net):
    """Two networks with one password: who wants to come has to give up his own."""
    method = METHODS['password'](net)
    tokyo, osaka, kyoto = (cluster(net, n, method, d) for n, d in
                           (('tokyo', '1001'), ('osaka', '1002'), ('kyoto', '1003')))
    tokyo.must('role', 'hub')
    osaka.must('role', 'hub')
    method.join(kyoto, osaka)
    part.ok(tokyo.must('network') != osaka.must('network'), 'two networks')
    refused(part, tokyo, ['network', 'adopt'], 'no other network has refused this cluster',
            'ils status')
    verdict = method.join(osaka, tokyo, 'hub')
    part.same((verdict['code'], verdict['remedy'], verdict['remedy_at']),
              ('ILS-408', 'ils network adopt', 'here'), 'osaka is refused', verdict)
    part.same(osaka.shell(verdict['remedy']), (0, 'OK\n'), 'the remedy, at osaka')
    part.ok(wait_until(lambda: osaka.must('network') == tokyo.must('network')), 'one network',
            osaka.json('status'), osaka.json('verdicts')[:2])
    status = wait_until(lambda: (lambda s: s if 'ILS-408' in (s['cause'] or '') else None)(
        kyoto.json('status')))
    part.ok(status and (status['next'], status['next_at']) == ('ils network adopt', 'here'),
            'the spoke of osaka is told as well', kyoto.json('status'))
    status = wait_until(lambda: (lambda s: s if s['next_at'] == 'there' else None)(
        osaka.json('status'))) or osaka.json('status')
    part.ok(status['next'] == 'ils network adopt' and 'kyoto' in status['cause'],
            'and osaka knows what is to be typed there', status)
    part.ok(wait_until(lambda: finds(tokyo, '1002')) and not finds(tokyo, '1003'),
            'until it has adopted it too, its numbers are not found in that network')
    part.same(kyoto.shell('ils network adopt'), (0, 'OK\n'), 'the remedy, at kyoto')
    part.ok(all_find((tokyo, osaka, kyoto), ('1001', '1002', '1003')), 'everybody has everything',
            *(c.json('status') for c in (tokyo, osaka, kyoto)))


def clone(part, net, way='password'):
    """A copy of a cluster is started beside it."""
    method = METHODS[way](net)
    tokyo, osaka = net.cluster('tokyo'), net.cluster('osaka')
    method.prepare([tokyo, osaka])
    tokyo.must('role', 'hub')
    add(osaka, '1002')
    part.same(method.join(osaka, tokyo)['code'], 'ILS-100', 'osaka joins')
    part.ok(all_find((tokyo,), ('1002',)), 'tokyo has its entry')
    osaka.stop()
    copy = net.cluster('copy', start=False)
    os.rmdir(copy.data)
    shutil.copytree(osaka.data, copy.data)
    osaka.restart()
    osaka.restart()
    part.ok(links(tokyo, osaka), 'osaka is back')
    copy.start()
    part.ok(wait_until(lambda: alarm(copy, 'ILSDuplicateClusterID')), 'the copy finds out',
            copy.json('status'), copy.json('verdicts')[:3])
    part.ok(wait_until(lambda: alarm(tokyo, 'ILSDuplicateClusterID')), 'and so does tokyo',
            tokyo.json('alarms'))
    refused(part, copy, ['plan', 'add', 'ENTERPRISE', '2002'],
            'another copy of this cluster is running: nothing is written', 'ils status')
    status = copy.json('status')
    part.ok('another copy of this cluster is running, and was linked first' in status['cause'] and
            status['next'].startswith('ils identity new --cluster-id osaka-') and
            status['next_at'] == 'here', 'its status', status)
    part.ok(re.search(r' --fqdn osaka-[0-9a-f]{4}\.example\.com$', status['next']),
            'with a name for it', status['next'])
    status = tokyo.json('status')
    part.ok('two copies of cluster osaka are running: the one at 127.0.0.1 is refused and needs '
            'another identity' in status['cause'] and status['next_at'] == 'copy' and
            status['next'] == copy.json('status')['next'], 'and that of tokyo', status)
    status = copy.json('status')
    part.same(copy.json('identity')['writing'], 'clone', 'ils identity says so')
    add(osaka, '3002')
    part.ok(all_find((tokyo,), ('3002',)) and links(tokyo, osaka), 'the original goes on')
    before = copy.json('identity')
    code, out = copy.shell(status['next'])
    part.ok(code == 0 and out.startswith('OK'), 'the remedy, at the copy', out)
    after = copy.json('identity')
    part.ok(after['peer_id'] != before['peer_id'] and after['boot'] == 1 and
            after['cluster_id'] == status['next'].split()[4] and
            after['fqdn'] == status['next'].split()[6], 'another key, id and name', after)
    if way == 'bundle':
        part.ok('note: its certificate is new' in out, 'and certificate', out)
        tokyo.must('trust', 'import', '-', stdin=copy.must('cert', 'export'))
        part.same(method.join(copy, tokyo)['code'], 'ILS-100', 'which is imported')
    part.ok(wait_until(lambda: after['cluster_id'] in linked(tokyo)), 'it joins under it',
            copy.json('status'), copy.json('verdicts')[:2])
    part.ok(wait_until(lambda: not alarm(tokyo, 'ILSDuplicateClusterID'), 5),
            'the alarm at tokyo is over at once', tokyo.json('alarms'))
    copy.must('plan', 'add', 'ENTERPRISE', '2002')
    part.ok(all_find((tokyo, osaka), ('2002', '1002', '3002')), 'and writes')
    part.ok(not alarm(tokyo, 'ILSDuplicateFQDN'), 'nor is a name there twice', tokyo.json('alarms'))
    part.ok(wait_until(lambda: not alarm(copy, 'ILSDuplicateClusterID')), 'the alarm is over',
            copy.json('alarms'))


def guests(part, net):
    """Each joins by an invite of another hub: nobody is refused on the way, by anybody, since who
    is new waits until the others have heard of him."""
    method = METHODS['invites'](net)
    nodes = [net.cluster(n) for n in ('tokyo', 'osaka', 'kyoto', 'nara', 'kobe')]
    tokyo, osaka, kyoto, nara, kobe = nodes
    method.prepare(nodes)
    tokyo.must('role', 'hub')
    for c, hub, role in ((osaka, tokyo, 'hub'), (kyoto, tokyo, 'hub'), (nara, osaka, 'spoke'),
                         (kobe, kyoto, 'spoke')):
        part.same(method.join(c, hub, role)['code'], 'ILS-100', '%s joins' % c.name)
    part.ok(wait_until(lambda: all(len(linked(c)) > 1 for c in (tokyo, osaka, kyoto))),
            'the hubs are linked', *(c.json('status') for c in nodes))
    part.ok(wait_until(lambda: all(c.json('status')['health'] == 'healthy' for c in (nara, kobe))),
            'and the spokes have visited them', nara.json('hubs'), kobe.json('hubs'))
    codes = {v['code'] for c in nodes for v in c.json('verdicts')}
    part.same(codes & {'ILS-301', 'ILS-307'}, set(), 'no certificate was refused',
              *(c.json('verdicts') for c in nodes))


def duplicate(part, net):
    """Another cluster of the same id; the one that has it is there, then it is not."""
    method = METHODS['password'](net)
    tokyo, osaka, other = (net.cluster(n) for n in ('tokyo', 'osaka', 'other'))
    other.name = 'osaka'
    method.prepare([tokyo, osaka, other])
    tokyo.must('role', 'hub')
    method.join(osaka, tokyo)
    part.ok(links(tokyo, osaka), 'osaka has joined')
    verdict = method.join(other, tokyo)
    part.ok(verdict['code'] == 'ILS-501' and verdict['remedy_at'] == 'here' and
            verdict['remedy'].startswith('ils describe --cluster-id osaka-'), 'ILS-501', verdict)
    part.same(other.shell(verdict['remedy'])[0], 0, 'the remedy, at the other one')
    name = verdict['remedy'].split()[-1]
    part.ok(wait_until(lambda: linked(tokyo) == {'osaka', name}), 'it joins under that id',
            other.json('status'), other.json('verdicts')[:2])
    part.same(other.ils('describe', '--cluster-id', 'kobe'), (0, 'OK\n'), 'it may be another one')
    part.ok(wait_until(lambda: linked(tokyo) == {'osaka', 'kobe'}), 'which tokyo hears of',
            tokyo.json('clusters'))
    refused(part, other, ['describe', '--cluster-id', 'StandAloneCluster'],
            'is the factory default', 'ils help describe')


# --- backups

def backup(c, folder):
    """What is in the data directory when nobody runs."""
    shutil.copytree(c.data, folder, ignore=shutil.ignore_patterns('trace', '*.sock'))


def put_back(c, folder):
    shutil.rmtree(c.data)
    shutil.copytree(folder, c.data)


def rolled_back(part, net, command):
    """Yesterday's data directory is put back, and something is written before the others are seen.
    What each side holds is said, and one command chooses."""
    method = METHODS['password'](net)
    tokyo, osaka = (cluster(net, n, method, d) for n, d in (('tokyo', '1001'), ('osaka', '1002')))
    tokyo.must('role', 'hub')
    method.join(osaka, tokyo)
    part.ok(all_find((tokyo,), ('1002',)), 'tokyo has the entry')
    osaka.stop()
    yesterday = os.path.join(net.folder, 'yesterday')
    backup(osaka, yesterday)
    osaka.start()
    for number in ('2002', '2003'):
        add(osaka, number)
    part.ok(all_find((tokyo,), ('2002', '2003')), 'and what came today')
    osaka.stop()
    put_back(osaka, yesterday)
    tokyo.stop()
    osaka.start()
    osaka.must('plan', 'add', 'ENTERPRISE', '3002')
    tokyo.start()
    part.ok(wait_until(lambda: alarm(osaka, 'ILSRolledBack'), 40), 'ILSRolledBack',
            osaka.json('status'), osaka.json('alarms'))
    refused(part, osaka, ['plan', 'add', 'ENTERPRISE', '4002'],
            'a neighbour holds a newer catalog of this cluster than it does itself',
            'ils rebuild (takes theirs), or ils restore (keeps this one)')
    me = osaka.json('identity')
    part.ok(me['writing'] == 'rolled back' and me['theirs_usn'] > me['usn'], 'ils identity', me)
    part.ok(finds(tokyo, '2002') and finds(osaka, '3002'), 'nothing is lost yet')
    part.same(osaka.ils(command), (0, 'here: %d entries, at usn %d\nthe neighbours: at usn %d of '
                                      'epoch %d\nOK\n' % (me['entries'], me['usn'],
                                                          me['theirs_usn'], me['theirs_epoch'])),
              'ils %s says what each side holds, and does it' % command, osaka.error)
    theirs, mine = ('1002', '2002', '2003'), ('1002', '3002')
    stays, goes = (theirs, '3002') if command == 'rebuild' else (mine, '2002')
    part.ok(all_find((tokyo, osaka), stays) and none_finds((tokyo, osaka), goes),
            'everybody has what was chosen', osaka.json('plan', 'show'), tokyo.json('clusters'))
    part.ok(wait_until(lambda: not alarm(osaka, 'ILSRolledBack')), 'the alarm is over')
    add(osaka, '5002')
    part.ok(all_find((tokyo,), ('5002',)), 'and it writes again')
    refused(part, osaka, [command], 'nobody holds a newer catalog of this cluster', 'ils sync')


def restored(part, net):
    """Yesterday's data directory is put back, and nothing was written: it takes what the others
    hold, by itself."""
    method = METHODS['password'](net)
    tokyo, osaka = (cluster(net, n, method, d) for n, d in (('tokyo', '1001'), ('osaka', '1002')))
    tokyo.must('role', 'hub')
    method.join(osaka, tokyo)
    osaka.stop()
    yesterday = os.path.join(net.folder, 'yesterday')
    backup(osaka, yesterday)
    osaka.start()
    add(osaka, '2002')
    part.ok(all_find((tokyo,), ('2002',)), 'what came today')
    osaka.stop()
    put_back(osaka, yesterday)
    osaka.start()
    part.ok(wait_until(lambda: finds(osaka, '2002')), 'it has it again', osaka.json('plan', 'show'))
    add(osaka, '3002')
    part.ok(all_find((tokyo,), ('1002', '2002', '3002')), 'and writes')
    part.same(osaka.json('identity')['writing'], 'yes', 'nothing is to be chosen')


# --- the words of the README

BLOCK = re.compile(r'(?:^    .*\n)+', re.M)
TYPED = ('start', 'kill', 'ils')


def readme(part, net):
    """The chapter "Three hubs", pasted into a shell, at addresses of this run's own."""
    with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as handle:
        chapter = handle.read().split('## Three hubs\n')[1].split('\n## ')[0]
    blocks = [b for b in BLOCK.findall(chapter) if b.split()[0].startswith(TYPED)]
    net_of_this = '127.%d.%d.' % (random.randrange(1, 255), random.randrange(1, 255))
    text = '\n'.join(blocks).replace('127.0.0.', net_of_this)
    c = net.cluster('unused', start=False)
    c.output = os.devnull
    status, out = c.shell(text + '\nils --data nara hubs; kill $(jobs -p); wait')
    # Right after a join a hub may still go by its address, which widens its column.
    hubs = re.split(r'^Hub +Why.*$', out, flags=re.M)[1:]
    part.ok(len(hubs) == 3 and out.count('ILS-100') == 4, 'everybody joins',
            '%d tables' % len(hubs), out)
    part.ok(len(hubs) == 3 and hubs[0].count(' linked ') == 2, 'the hubs link themselves', out)
    part.ok(len(hubs) == 3 and 'serves now' in hubs[1], 'nara goes to another hub', out)
    part.ok('degraded: registered with' in out, 'and says so', out)
    part.ok('ILS-301' not in out, 'who was invited is refused by nobody who hears of it late', out)
    part.ok('OK: left; its own entries (0)' in out and
            any('registered with' in line and ' linked ' in line for line in out.splitlines()[-6:]),
            'it leaves, and joins again', out)
    refusals = [line for line in out.splitlines() if line.startswith('ils: ')]
    part.ok(not refusals, 'nothing is refused', *refusals)


PROMOTED = [('promoted ' + way, promoted, (way,)) for way in ('password', 'bundle', 'invites',
                                                             'tls+password', 'switched')]
run_all([('roles', roles, ()), ('three hubs', three_hubs, ())] + PROMOTED + [
    ('wrong host', wrong_host, ()), ('silent', silent, ()), ('left', left, ()), ('gone', gone, ()),
    ('several hubs', several_hubs, ()), ('known to a spoke', known_to_a_spoke, ()),
    ('networks', networks, ()), ('guests', guests, ()), ('clone', clone, ()),
    ('clone with certificates', clone, ('bundle',)), ('duplicate', duplicate, ()),
    ('rebuild', rolled_back, ('rebuild',)), ('restore', rolled_back, ('restore',)),
    ('restored', restored, ()), ('readme', readme, ())])
