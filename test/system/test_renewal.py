#!/usr/bin/env python3
"""Certificates that are renewed and that end, live (rows H1 to H6): under a call load where the row
says that lookups go on. The certificates that end on purpose are made here and live for seconds.

Scenes run side by side; words of the command line choose some by the beginnings of their names.
ILS_LOAD is the number of lookups a second of a scene, ILS_LIFE the seconds that the ending
certificate of the scene of H2 lives."""
import os
import re
import time

from harness import Tap, wait_until
from live import Links, Load, complete, down, furnish, missing, moment, worst_down
from rows import Watch, has_trace, install, offer, reads_well, run_all, values

RATE = int(os.environ.get('ILS_LOAD', 150))
LIFE = int(os.environ.get('ILS_LIFE', 26))
GAP = 3.0
WEEK = 7 * 86400
PASSWORD = 'one password\n'
EXPIRED = (10, 'certificate has expired')


# --- making a network

def make(net, name, leaf=None, method='tls', role=None):
    c = net.cluster(name)
    c.fqdn = name + '.example.com'
    c.must('init', '--cluster-id', name, '--fqdn', c.fqdn)
    if leaf is not None:
        install(c, leaf)
    if 'password' in method:
        c.must('password', 'add', '--stdin', stdin=PASSWORD)
    offer(c, method)
    if role:
        c.must('role', role)
    return c


def exchange(a, b):
    """Each imports the other's certificate as it is now (method 2)."""
    for here, there in ((a, b), (b, a)):
        here.must('trust', 'import', '-', stdin=own_pem(there))


def own_pem(c):
    """One's own certificate stands in the bundle that a cluster exports, with what it trusts; here
    it is cut out."""
    own = fingerprint(c)
    text = c.must('trust', 'bundle', 'export')
    for block in re.findall(r'((?:^#.*\n)*-----BEGIN.*?-----END CERTIFICATE-----\n)', text,
                            re.S | re.M):
        if own in block:
            return block[block.index('-----BEGIN'):]
    raise RuntimeError('%s: its own certificate is not in its bundle: %s' % (c.name, text))


def fingerprint(c, which='in_use'):
    row = c.json('cert', 'show')[which]
    return row['fingerprint'] if row else None


def peer(c, name):
    for row in c.ask('peers')['result']:
        if row['cluster_id'] == name:
            return row
    return {}


def linked_with(c, name, by=None):
    """Linked with that cluster, by that certificate of it."""
    row = peer(c, name)
    return row.get('linked') and by in (None, row['certificate_fingerprint'])


def join(part, c, hub, code='ILS-100'):
    port = hub.tls_port
    v = c.json('join', '%s:%d' % (hub.address, port))
    part.same(v['code'], code, '%s joins %s' % (c.name, hub.name), v)
    return v


def all_found(part, clusters):
    part.ok(wait_until(lambda: complete(clusters)), 'each has the numbers of all others')


def answered(part, load, name='every lookup was answered with 302'):
    part.ok(load.good(), name, load.figures(), *load.notes)


def figure(part, text):
    """A line for people, in its turn."""
    part.ok(True, text)


def ended(c, since=0):
    """Links that ended for another reason than that a newer one took over."""
    return [r['text'] for r in c.trace_records()[since:]
            if r['event'] == 'L1' and r['code'] != 'ILS-415']


def alarm(c, name, subject=None, active=True):
    for a in c.json('alarms'):
        if (a['name'] == name and a['active'] == active and
                (subject is None or subject in a.values())):
            return a
    return None


def wait_for(t):
    """Until that second since 1970."""
    while time.time() < t:
        time.sleep(min(0.2, max(0.0, t - time.time())))


def end_of(c):
    return seconds_of(c.json('cert', 'show')['in_use']['not_after'])


def seconds_of(text):
    return moment(text if '.' in text else text.replace('Z', '.000Z'))


# --- H2: announced, under load; the former one ends on purpose

def h2(part, net):
    leaf = net.pki.leaf('hub.example.com', start=-LIFE, end=LIFE)
    hub = make(net, 'hub', leaf, role='hub')
    spokes = [make(net, name) for name in ('kyoto', 'osaka')]
    everyone = [hub] + spokes
    furnish(everyone)
    for c in spokes:
        exchange(hub, c)
        join(part, c, hub)
    all_found(part, everyone)
    old, over = fingerprint(hub), end_of(hub)
    with Load(everyone, RATE) as load, Links(everyone) as links:
        expiring(part, everyone, over - 2 * LIFE / 3, over)
        watches = [Watch(c) for c in spokes]
        out = hub.must('cert', 'renew')
        new = fingerprint(hub)
        part.ok(new != old and 'in use: ' + new in out, 'renewed with a new key, and in use', out)
        part.ok(time.time() < over, 'before the former one has ended')
        for c, w in zip(spokes, watches):
            renewed_at(part, c, hub, w, new)
        for c in everyone:
            part.ok(wait_until(lambda: alarm(c, 'ILSCertificateExpiring') is None, 5),
                    'ILSCertificateExpiring is over at ' + c.name, c.json('alarms'))
        since = [len(c.trace_records()) for c in everyone]
        wait_for(over + 2)
        lines = [line for c, n in zip(everyone, since) for line in ended(c, n)]
        part.ok(not lines, 'the former certificate has ended, and nothing was cut', *lines)
        part.ok(all(linked_with(c, 'hub', new) for c in spokes),
                'the links are by the new certificate')
    answered(part, load)
    no_gap(part, links, everyone)
    figure(part, load.figures())


def expiring(part, everyone, begins, over):
    """At both ends, when a third of the life is left; not before."""
    for c in everyone:
        a = wait_until(lambda: alarm(c, 'ILSCertificateExpiring', 'hub.example.com'),
                       max(5, over - time.time() - 1), 0.1)
        part.ok(a, 'ILSCertificateExpiring of hub.example.com rises at ' + c.name, c.json('alarms'))
        part.ok(a and begins - 0.001 <= seconds_of(a['first']) < over,
                'when a third of its life is left (at %s)' % c.name, a, begins, over)


def renewed_at(part, c, hub, watch, new):
    part.ok(wait_until(lambda: linked_with(c, 'hub', new), 10),
            '%s: linked by the new certificate (ils peers)' % c.name, peer(c, 'hub'))
    lines = wait_until(lambda: [r['event'] for r in watch.records() if r['event'] == 'T12'], 5)
    part.ok(lines, '%s: trace T12' % c.name, *watch.lines())
    part.ok([r for r in watch.records() if r['event'] == 'C2'],
            '%s: the next certificate was announced and imported' % c.name, *watch.lines())
    reads_well(part, watch)


def no_gap(part, links, everyone):
    polled, traced = links.worst(), worst_down(everyone)
    part.ok(max(polled, traced) <= GAP, 'no link was down for longer than 3 s', links.longest,
            *['%s %s' % (c.name, down(c)) for c in everyone])
    figure(part, 'longest time without a link: %.0f ms as asked every 20 ms, %.0f ms by the trace'
           % (polled * 1e3, traced * 1e3))


# --- H2, with restarts in the middle

def h2_restarts(part, net):
    """The announcement waits for a spoke that is away; the hub and the other spoke are killed, one
    in the middle of it; nothing is lost."""
    hub = make(net, 'hub', role='hub')
    here, away = make(net, 'kyoto'), make(net, 'osaka')
    furnish([hub, here, away])
    for c in (here, away):
        exchange(hub, c)
        join(part, c, hub)
    all_found(part, [hub, here, away])
    old = fingerprint(hub)
    away.stop()
    wait_until(lambda: not linked_with(hub, 'osaka'))
    out = hub.must('cert', 'renew', '--no-wait')
    new = fingerprint(hub, 'next')
    part.ok(new and 'announced: ' + new in out and fingerprint(hub) == old,
            'announced, and not in use, for a spoke is away', out)

    def waits_for():
        following = hub.json('cert', 'show')['next']
        return [r['cluster_id'] for r in following['waiting']] if following else None
    part.ok(wait_until(lambda: waits_for() == ['osaka'], 10), 'only that one is waited for',
            waits_for())
    for how in ('kill', 'stop'):
        for c in (hub, here):
            getattr(c, how)()
            c.start()
    part.same((fingerprint(hub), fingerprint(hub, 'next')), (old, new),
              'after restarts the one is in use, the other announced')
    part.ok(wait_until(lambda: linked_with(hub, 'kyoto') and linked_with(here, 'hub', old)),
            'and they are linked again')
    part.same(waits_for(), ['osaka'], 'still only that one is waited for')
    hub_and_away_meet(part, hub, away, new)
    part.ok(wait_until(lambda: linked_with(here, 'hub', new)), 'kyoto: linked by the new one')
    for c in (hub, here, away):
        c.restart()
    part.ok(wait_until(lambda: linked_with(here, 'hub', new) and linked_with(away, 'hub', new) and
                       complete([hub, here, away])), 'also after restarts of all: nothing is lost')
    part.same(fingerprint(hub, 'next'), None, 'nothing is announced any more')


def hub_and_away_meet(part, hub, away, new):
    """The spoke comes back, is told, and is killed at once; the hub too."""
    away.start()
    wait_until(lambda: [r for r in away.trace_records() if r['event'] == 'C2'], 10)
    away.kill()
    hub.kill()
    hub.start()
    away.start()
    part.ok(wait_until(lambda: fingerprint(hub) == new), 'it is back and has it: in use at the hub',
            hub.json('cert', 'show'))
    part.ok(wait_until(lambda: linked_with(away, 'hub', new)), 'osaka: linked by the new one',
            peer(away, 'hub'))
    part.ok([r for r in away.trace_records() if r['event'] == 'T12'], 'osaka: trace T12')


# --- H1

def h1(part, net):
    """The same key: announced or not, nothing is to be imported by hand."""
    hub, c = make(net, 'hub', role='hub'), make(net, 'kyoto')
    furnish([hub, c])
    exchange(hub, c)
    join(part, c, hub)
    all_found(part, [hub, c])
    for words in (['--same-key', '--now'], ['--same-key']):
        for end, other in ((hub, c), (c, hub)):
            name = 'H1 %s at %s' % (' '.join(words), end.name)
            watches = [Watch(hub), Watch(c)]
            out = end.must('cert', 'renew', *words)
            new = fingerprint(end)
            part.ok('in use: ' + new in out and 'cut off' not in out,
                    name + ': in use, and nobody is cut off', out)
            part.ok(wait_until(lambda: linked_with(other, end.name, new), 10),
                    name + ': linked by it', peer(other, end.name))
            lines = [line for w in watches for line in ended(w.c, w.records_at)]
            part.ok(not lines, name + ': nothing was cut', *lines)
            reads_well(part, *watches)
    part.ok(complete([hub, c]), 'everything is still found')


# --- H3

def h3(part, net):
    """A new key that was never announced: the spoke, away meanwhile, refuses it; and one command
    mends it. Its lookups go on."""
    hub, c = make(net, 'hub', role='hub'), make(net, 'kyoto')
    furnish([hub, c])
    exchange(hub, c)
    join(part, c, hub)
    all_found(part, [hub, c])
    c.stop()
    wait_until(lambda: not linked_with(hub, 'kyoto'))
    out = hub.must('cert', 'renew', '--now')
    part.ok('cut off' in out and 'kyoto' in out, 'it says who is cut off', out)
    c.launch()
    wait_until(c.answers)
    with Load([hub, c], RATE) as load:
        v = wait_until(lambda: [v for v in c.json('verdicts') if v['code'] == 'ILS-301'], 10)
        v = v[0] if part.ok(v, 'refused with ILS-301', c.json('verdicts')) else None
        w = Watch(c)
        w.at = w.records_at = 0
        has_trace(part, w, ['T15', 'T16'],
                  values(c, hub, v, 'C', (18, 'self signed certificate')))
        told = wait_until(lambda: [r for r in hub.json('verdicts')
                                   if r['verdict_id'] == v['verdict_id']], 5)
        part.ok(told and told[0]['code'] == 'ILS-301' and told[0]['remedy'] == v['remedy'],
                'the same verdict at the hub', told, v)
        part.ok(alarm(c, 'ILSTLSAuthenticationFailed') and
                not alarm(hub, 'ILSTLSAuthenticationFailed'), 'the alarm, at the spoke only')
        part.same(v['remedy_at'], 'here', 'the remedy is typed at the spoke')
        status, said = c.shell(v['remedy'])
        part.same(status, 0, 'the remedy: ' + v['remedy'], said)
        part.ok(wait_until(lambda: linked_with(c, 'hub', fingerprint(hub)), 10),
                'and it joins by itself', c.json('verdicts')[:2])
        part.ok(wait_until(lambda: not alarm(c, 'ILSTLSAuthenticationFailed'), 5),
                'the alarm is over')
    answered(part, load, 'meanwhile every lookup was answered with 302')
    figure(part, load.figures())


# --- H4

def h4(part, net, who):
    """The end date of the hub's certificate, or of the spoke's, passes while they are linked."""
    brief = net.pki.leaf(who + '.example.com', start=-WEEK, end=15)
    hub = make(net, 'hub', brief if who == 'hub' else None, role='hub')
    c = make(net, 'kyoto', brief if who == 'kyoto' else None)
    end, other = (hub, c) if who == 'hub' else (c, hub)
    furnish([hub, c])
    exchange(hub, c)
    v = join(part, c, hub)
    all_found(part, [hub, c])
    over = end_of(end)
    with Load([hub, c], RATE) as load:
        part.ok(linked_with(c, 'hub') and time.time() < over, 'linked while it is valid')
        watches = {e.name: Watch(e) for e in (hub, c)}
        wait_for(over)
        for e in (hub, c):
            in_that_second(part, watches[e.name], over, v['verdict_id'])
        at = 'C' if other is c else 'S'
        w = watches[other.name]
        has_trace(part, w, ['T15', 'T16'], values(c, hub, v, at, EXPIRED))
        first = [r for r in w.records() if r['event'] == 'T15']
        part.ok(first and over <= moment(first[0]['time']) < over + 1, 'T15 in that second', first)
        part.ok(alarm(other, 'ILSTLSAuthenticationFailed'), 'the alarm, at ' + other.name)
        wait_for(over + 2)
        remedy(part, hub, c, end)
    answered(part, load, 'lookups went on from what was last known: all 302')
    part.ok(complete([hub, c]), 'and do')
    figure(part, load.figures())


def in_that_second(part, watch, over, verdict_id):
    c = watch.c
    lines = wait_until(lambda: [r for r in watch.records() if r['event'] == 'L1'], 5)
    late = moment(lines[0]['time']) - over if lines else None
    part.ok(lines and lines[0]['code'] == 'ILS-303' and 0 <= late < 1,
            '%s: closed in that second with ILS-303' % c.name, lines, late)
    part.ok(lines and lines[0]['verdict_id'] == verdict_id, '%s: the id of its link' % c.name)
    figure(part, '%s: the link ended %.0f ms after the end date' % (c.name, (late or 0) * 1e3))


def remedy(part, hub, c, end):
    """The next attempt says what is typed, and where; then it joins."""
    where = '%s:%d' % (hub.address, hub.tls_port)
    v = c.json('join', where)
    part.same((v['code'], v['remedy_at']), ('ILS-303', 'here' if end is c else 'there'),
              'who dials now is refused with ILS-303', v)
    status, said = end.shell(v['remedy'])
    part.same(status, 0, 'the remedy, at %s: %s' % (end.name, v['remedy']), said)
    if end is hub:
        c.json('join', where)
    part.ok(wait_until(lambda: linked_with(c, 'hub', None if end is c else fingerprint(hub)) and
                       linked_with(hub, 'kyoto', fingerprint(c))),
            'linked again, nothing to import', c.json('verdicts')[:2])
    part.ok(wait_until(lambda: not alarm(hub, 'ILSTLSAuthenticationFailed') and
                       not alarm(c, 'ILSTLSAuthenticationFailed'), 5), 'the alarm is over')


# --- H5 and H6

def h5_h6(part, net, method):
    """Signed certificates by methods 3 and 4: another authority, and another key, at both ends."""
    roots = [net.pki.root, net.pki.authority('Another Root')]
    hub = make(net, 'hub', net.pki.leaf('hub.example.com', roots[0]), 'tls+password', 'hub')
    c = make(net, 'kyoto', net.pki.leaf('kyoto.example.com', roots[0]), 'tls+password')
    for e in (hub, c):
        for root in roots:
            e.must('trust', 'import', root.pem)
    furnish([hub, c])
    join(part, c, hub)
    all_found(part, [hub, c])
    if method == 'tls':   # met: the key stands for it from here on
        hub.must('auth', 'set', '--accept', '+tls')
        offer(c, 'tls')
        wait_until(lambda: peer(hub, 'kyoto').get('link_method') == 'tls')
        offer(hub, 'tls')
    part.same(peer(hub, 'kyoto').get('link_method'), method, 'linked by ' + method)
    rule = 'T32' if method == 'tls' else 'T24'
    with Load([hub, c], RATE) as load, Links([hub, c]) as links:
        for name, root, words in (('H6, a new key', roots[0], []),
                                  ('H5, another authority', roots[1], ['--now']),
                                  ('H5, and back', roots[0], []),
                                  ('H6, a new key again', roots[0], ['--now'])):
            for end, other in ((c, hub), (hub, c)):
                replaced(part, net, ' '.join([name, 'at', end.name] + words), end, other, root,
                         words, rule)
    answered(part, load)
    no_gap(part, links, [hub, c])


def replaced(part, net, name, end, other, root, words, rule):
    leaf = net.pki.leaf(end.fqdn, root)
    watches = [Watch(end), Watch(other)]
    out = end.must('cert', 'install', leaf.file, '--key', leaf.key, *words)
    part.ok('in use: ' + leaf.fingerprint() in out and 'cut off' not in out,
            name + ': in use, and nobody is cut off', out)
    part.ok(wait_until(lambda: linked_with(other, end.name, leaf.fingerprint()), 10),
            name + ': linked by it', peer(other, end.name))
    has_trace(part, watches[1], ['T19', rule], {})
    lines = [line for w in watches for line in ended(w.c, w.records_at)]
    part.ok(not lines, name + ': nothing was cut', *lines)
    reads_well(part, *watches)


def main():
    if missing():
        tap = Tap()
        tap.skip('renewal under load', 'not installed: ' + missing())
        tap.done()
    jobs = [('H2', h2, ()), ('H4 hub', h4, ('hub',)), ('H4 spoke', h4, ('kyoto',)),
            ('H2 restarts', h2_restarts, ()), ('H3', h3, ()), ('H1', h1, ()),
            ('H5 H6 tls', h5_h6, ('tls',)), ('H5 H6 tls+password', h5_h6, ('tls+password',))]
    run_all(jobs)


main()
