#!/usr/bin/env python3
"""Who has what, as every cluster sees it of every other, and what `ils status` says when a hub is
gone, when another serves, and when the mesh is not whole: real daemons in network namespaces. What
is printed as the way out is typed, at the end that it names.

Words of the command line choose parts by the beginnings of their names."""
import os
import subprocess
import sys

import netns
from harness import Tap, wait_until
from mesh.methods import METHODS
from mesh.parts import run_parts

SAID = 150      # two beats of a minute stay away, and a little more
FULL = 'sapporo'
HOME = 90       # from an alternate the own hub is tried again every minute


# --- what the parts share

def network(lan, hubs, spokes, start=True):
    """The first hub is whom all others join."""
    method = METHODS['password'](lan)
    nodes = [lan.cluster(name, start=False) for name in hubs + spokes]
    for c in nodes:
        if c.name == FULL:   # a server whose disk is full: test_store_faults.py
            c.store = None
        if start:
            c.start()
    method.prepare(nodes)
    nodes[0].must('role', 'hub')
    for c in nodes[1:]:
        verdict = method.join(c, nodes[0], 'hub' if c.name in hubs else 'spoke')
        assert verdict['code'] == 'ILS-100', verdict
    for i, c in enumerate(nodes):
        c.must('plan', 'add', 'ENTERPRISE', '100%d' % i)
    return nodes


def usns(nodes):
    return {c.name: c.json('status')['usn'] for c in nodes}


def holds(c, holder, origin):
    """What `holder` has of `origin`, as c says."""
    rows = c.json('sync', *([] if holder is c else [holder.name]))['clusters']
    return next((row for row in rows if row['cluster_id'] == origin.name), {})


def thinks(c, of):
    """What `of` has of c's own plan, as c says."""
    return next((row['theirs'] for row in c.json('sync')['clusters']
                 if row['cluster_id'] == of.name), {}) or {}


def complaint(nodes, truth, holders=None):
    """What one of the nodes says of any origin at any holder that is not so; '' if all agree."""
    for c in nodes:
        for holder in holders or nodes:
            answer = c.json('sync', *([] if holder is c else [holder.name]))
            rows = {row['cluster_id']: row for row in answer['clusters']}
            for origin, usn in truth.items():
                row = rows.get(origin, {})
                if (row.get('usn'), row.get('newest'), row.get('digest_equal'), row.get('lag_s'),
                        row.get('status')) != (usn, usn, True, 0, 'Up to date'):
                    return '%s of %s at %s: %s, not %s' % (c.name, origin, holder.name, row, usn)
            if answer['behind'] or c.status != 0:
                return '%s: %s' % (c.name, answer['cause'])
    return ''


def agree(part, nodes, name):
    truth, said = {}, ''

    def good():
        nonlocal truth, said
        truth = usns(nodes)   # a new interval is signed after `ils sync every` was answered
        said = complaint(nodes, truth)
        return not said
    part.ok(wait_until(good, SAID, 1), name, said)
    return truth


def status_is(c, *words, timeout=30):
    """Whether `ils status` comes to say all of that; what it says."""
    def said():
        text = c.json('status')
        return text['cause'] and all(w in text['cause'] for w in words)
    good = wait_until(said, timeout, 0.2)
    return bool(good), c.json('status')


def well(c, timeout=60):
    return wait_until(lambda: c.json('status')['health'] == 'healthy', timeout, 0.5)


def typed(c, command):
    """A command line, typed on the host of that cluster."""
    run = subprocess.run(['ip', 'netns', 'exec', c.space, 'bash', '-c', command], env=c.env,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return run.returncode, run.stdout.decode()


def every(nodes, minutes):
    for c in nodes:
        c.must('sync', 'every', minutes)


# --- who has what

def agreement(part, lan):
    nodes = network(lan, ['tokyo'], ['osaka', 'nagoya'])
    tokyo, osaka, nagoya = nodes
    every(nodes, 1)
    truth = agree(part, nodes, 'from each of three nodes: everybody has the newest of everybody')
    part.ok('nagoya' in complaint(nodes, dict(truth, nagoya=truth['nagoya'] + 1)),
            'control: another USN is a complaint')
    part.ok(all(thinks(c, of)['usn'] == truth[c.name] and thinks(c, of)['digest_equal']
                for c in nodes for of in nodes if of is not c),
            'each knows what the others have of it')
    part.same([thinks(osaka, tokyo)['exact'], thinks(osaka, nagoya)['exact']], [True, False],
              'of a neighbour at this moment, of others as they said')
    text = osaka.must('sync')
    part.ok(text.startswith('every plan is up to date\n\n') and
            len({len(line.split('| ')[0]) for line in
            text.splitlines()[2:3]}) == 1, 'as a table', text)
    part.same(osaka.ils('sync', 'nowhere')[0], 1, 'a cluster that nobody knows')
    part.ok('next: ils clusters' in osaka.error, 'and what to type', osaka.error)
    part.same((osaka.must('sync', 'every'), osaka.json('sync', 'every')),
              ('every 1 minutes\n', {'minutes': 1}), 'how often it is said')
    part.same(osaka.ils('sync', 'every', '1441')[0], 1, 'a day at most', osaka.error)
    part.same(osaka.must('exchange'), 'on\n', 'plans are exchanged')
    osaka.must('exchange', 'off')
    part.ok(wait_until(lambda: holds(tokyo, tokyo, osaka).get('entries') == 0),
            'not any more: its plan is withheld', holds(tokyo, tokyo, osaka))
    part.ok('ils exchange on' in osaka.ils('sync')[1], 'and its table says so', osaka.must('sync'))
    osaka.must('exchange', 'on')
    part.ok(wait_until(lambda: holds(tokyo, tokyo, osaka).get('entries') == 1), 'and again')


def full(c):
    """Nothing more fits on the disk of c. None: it has none of its own."""
    path = os.path.join(c.data, 'filler')
    with open(path, 'wb', buffering=0) as filler:
        try:
            while True:
                filler.write(b'\0' * 4096)
        except OSError:
            pass
    return path


def behind(row, usn, newest):
    return row.get('known') and row['status'] in ('Behind', 'Disconnected') and \
        (row['usn'], row['newest']) == (usn, newest) and row['lag_s'] > 0 and \
        not row['digest_equal']


def silent(part, lan):
    """One that is paused, and one whose disk is full: late everywhere, by how much, since when."""
    folder = os.path.join(lan.folder, 'sapporo')
    os.mkdir(folder)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'full', folder],
                      stderr=subprocess.DEVNULL, check=False).returncode != 0:
        part.skip('a disk that is full', 'no file system of its own can be mounted here')
        return
    try:
        late(part, *network(lan, ['tokyo'], ['osaka', 'nagoya', 'sapporo']))
    finally:
        for c in lan.clusters:
            if c.paused:
                c.resume()
            c.stop()
            c.process = None
        subprocess.run(['umount', folder], check=False)


def late(part, tokyo, osaka, nagoya, sapporo):
    nodes = [tokyo, osaka, nagoya, sapporo]
    every(nodes, 1)
    former = agree(part, nodes, 'at first nobody is late')['osaka']
    nagoya.pause()
    filler = full(sapporo)
    osaka.must('plan', 'add', 'ENTERPRISE', '2000')
    newest = osaka.json('status')['usn']
    part.ok(wait_until(lambda: behind(holds(tokyo, nagoya, osaka), former, newest), 30, 0.2),
            'its hub sees within seconds that the paused one is late',
            holds(tokyo, nagoya, osaka))
    part.ok(wait_until(lambda: holds(sapporo, sapporo, osaka).get('usn') == newest),
            'a full disk serves from memory what is new', holds(sapporo, sapporo, osaka))
    found, state = status_is(sapporo, 'no room for the database', timeout=SAID)
    part.ok(found and (state['next'] or '').startswith('df /'),
            'its own status names the store, and how full it is', state)
    for c in (tokyo, osaka):
        for far in (nagoya, sapporo) if c is osaka else (nagoya,):
            part.ok(wait_until(lambda: behind(holds(c, far, osaka), former, newest), SAID, 1),
                    '%s sees that %s is late' % (c.name, far.name), holds(c, far, osaka))
        part.same(c.status, 1, 'exit status 1 at ' + c.name)
    part.ok(behind(thinks(osaka, nagoya), former, newest) and
            behind(thinks(osaka, sapporo), former, newest),
            'osaka knows that its own plan is not everywhere', osaka.ils('sync')[1])
    text = osaka.ils('sync')[1]
    part.ok(text.startswith('degraded: ') and ' is behind with ' in text or
            'no news' in text, 'the table says first who is late', text)
    nagoya.resume()
    os.unlink(filler)
    agree(part, nodes, 'afterwards nobody is late any more')


# --- status

def lost_hub(part, lan):
    """Three hubs and two spokes; the hub of both dies. One waits, one stays where it is."""
    tokyo, osaka, nagoya, kyoto, kobe = network(lan, ['tokyo', 'osaka', 'nagoya'],
                                                ['kyoto', 'kobe'])
    nodes = [tokyo, osaka, nagoya, kyoto, kobe]
    part.ok(all(well(c) for c in nodes), 'all are well', [c.json('status') for c in nodes])
    mesh = tokyo.json('status')['mesh']
    part.same((mesh['linked'], mesh['hubs'], mesh['missing']), (2, 2, []), 'two of two hubs')
    tokyo.kill()
    for c in (kyoto, kobe):
        found, state = status_is(c, 'registered with ', 'its own hub tokyo', 'ILS-401')
        part.ok(found and state['registered_with'] in ('osaka', 'nagoya'),
                '%s: another hub serves, and its own does not answer' % c.name, state)
        part.same((state['next'], state['next_at'], state['or_at']),
                  ('systemctl start ilsd', 'there', 'here'), 'the way back', state)
        part.same(c.ils('status')[0], 1, 'which is not health', c.json('status'))
    for c in (osaka, nagoya):
        found, state = status_is(c, 'hub mesh 1 of 2: tokyo cannot be reached', 'ILS-401')
        part.ok(found, '%s: the mesh is not whole' % c.name, state)
        part.same([(m['cluster'], m['code'], m['next'], m['next_at'])
                   for m in state['mesh']['missing']],
                  [('tokyo', 'ILS-401', 'systemctl start ilsd', 'there')], 'who is missing', state)
        text = c.ils('sync')[1]
        part.ok('(ils status): hub mesh 1 of 2' in text or text.startswith('degraded: '),
                'ils sync does not call that well', text)
    stays, state = kobe.json('status')['registered_with'], kobe.json('status')
    part.same(typed(kobe, state['or'])[0], 0, 'typed: ' + state['or'])
    part.ok(well(kobe) and kobe.json('status')['registered_with'] == stays,
            'it stays there, and is well', kobe.json('status'))
    tokyo.start()
    part.ok(well(kyoto, HOME) and kyoto.json('status')['registered_with'] == 'tokyo',
            'the other one goes home', kyoto.json('status'))
    part.ok(all(well(c) for c in nodes), 'all are well again', [c.json('status') for c in nodes])


FILTER = """add table inet filter
add chain inet filter input { type filter hook input priority 0; }
add rule inet filter input ip saddr %s tcp dport 7502 drop
"""


def partial(part, lan):
    """A packet filter between two of three hubs: the mesh is 1 of 2 at both, and what is printed
    mends it."""
    tokyo, osaka, nagoya, kyoto = network(lan, ['tokyo', 'osaka', 'nagoya'], ['kyoto'])
    part.ok(all(well(c) for c in (tokyo, osaka, nagoya, kyoto)), 'all are well')
    for c, other in ((osaka, nagoya), (nagoya, osaka)):
        netns.run('ip', 'netns', 'exec', c.space, 'nft', '-f', '-', text=FILTER % other.address)
    lan.reset(osaka, nagoya)
    states = {}
    for c, other in ((osaka, nagoya), (nagoya, osaka)):
        found, states[c] = status_is(c, 'hub mesh 1 of 2: %s cannot be reached' % other.name,
                                     'ILS-406')
        part.ok(found, '%s: 1 of 2, and which' % c.name, states[c])
    part.ok(well(tokyo), 'the third is well: it has both', tokyo.json('status'))
    osaka.must('plan', 'add', 'ENTERPRISE', '3000')
    part.ok(wait_until(lambda: nagoya.json('lookup', '3000')['result'] in ('found', 'no_route')),
            'and carries what is new from one to the other')
    part.same(states[osaka]['next_at'], 'there', 'what mends it is typed at the other end')
    if states[osaka]['next']:
        status, out = typed(nagoya, states[osaka]['next'])
        part.same(status, 0, 'typed: ' + states[osaka]['next'], out)
    part.ok(all(well(c) for c in (osaka, nagoya)), 'and the mesh is whole',
            osaka.json('status'), nagoya.json('status'))


def no_hub(part, lan):
    """All hubs are gone: each with its code; after that the spoke itself may be one."""
    tokyo, osaka, kyoto = network(lan, ['tokyo', 'osaka'], ['kyoto'])
    part.ok(all(well(c) for c in (tokyo, osaka, kyoto)), 'all are well')
    tokyo.kill()
    part.ok(wait_until(lambda: kyoto.json('status')['registered_with'] == 'osaka'),
            'one hub is left', kyoto.json('status'))
    osaka.kill()
    found, state = status_is(kyoto, 'no hub is reached', 'tokyo (ILS-401)', 'osaka (ILS-401)')
    part.ok(found, 'each hub with its code', state)
    part.same((state['next'], state['next_at'], state['or'], state['registered_with']),
              ('systemctl start ilsd', 'there', 'ils role hub', None), 'what to type', state)
    osaka.start()
    part.ok(wait_until(lambda: kyoto.json('status')['registered_with'] == 'osaka', 60, 0.2),
            'one that comes back serves it', kyoto.json('status'))


PARTS = {'agreement': agreement, 'silent': silent, 'lost hub': lost_hub, 'partial': partial,
         'no hub': no_hub}


def main():
    reason = netns.missing()
    if reason:
        tap = Tap()
        tap.skip('who has what, and what status says of hubs', reason)
        tap.done()
    wanted = tuple(sys.argv[1:])
    run_parts([(name, function, ()) for name, function in PARTS.items()
               if not wanted or name.startswith(wanted)])


main()
