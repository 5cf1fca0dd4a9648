#!/usr/bin/env python3
"""Rows B6, B7, D6 and D7 of the join: three hubs and a fourth cluster, a hub that dies and its
alternate. B6: imported at one hub, the others refuse. B7: an invite or a bundle, and nothing is
imported one by one. D6: an alternate that was visited takes over. D7: one that never was
refuses, as
`ils auth ready` had said."""
import contextlib
import socket
import threading
import time

from harness import wait_until
from rows import (PWD, TLS, TLS_ALARM, Caller, End, Watch, both_traces, has_alarm, has_trace,
                  in_trace, join, keep, offer, peer_id, run_all, same_verdict, see_doctor,
                  type_remedy, values)

REHOME = 15
UNREACHABLE, INTRODUCED = 'ILSHubClusterUnreachable', 'ILSCertificateIntroduced'
ELSEWHERE = '127.0.0.99'
ROUTE = 'sip:127.0.0.1:5060;transport=tcp'


# --- the mesh

def linked_with(c):
    return {p['cluster_id'] for p in c.json('peers') if p['linked']}


def whole(*hubs):
    names = {h.name for h in hubs}
    return all(linked_with(h) >= names - {h.name} for h in hubs)


def mesh_of(c):
    mesh = c.json('status')['mesh']
    return mesh['linked'], mesh['hubs']


def see_whole(part, hubs, what, timeout=20):
    part.ok(wait_until(lambda: whole(*hubs), timeout, 0.1), what,
            *[(h.name, linked_with(h), h.json('verdicts')[:3]) for h in hubs])
    for h in hubs:
        part.same(mesh_of(h), (len(hubs) - 1, len(hubs) - 1), '%s says so' % h.name)


def active(c, *besides):
    return [a for a in c.json('alarms') if a['active'] and a['name'] not in besides]


def begin(net, name, leaf=True, **more):
    """A cluster that offers TLS; leaf: with a certificate of the authority, which it believes."""
    c = End(TLS, 'CA' if leaf else None).make(net, name, **more)
    if leaf:
        c.must('trust', 'import', net.pki.root.pem)
    offer(c, TLS)
    return c


def hubs_of(part, net, leaf=True):
    """H1, H2, H3, meshed by TLS; each has imported the others' certificates in one file."""
    hubs = [begin(net, 'H%d' % n, leaf) for n in (1, 2, 3)]
    bundle = ''.join(h.must('cert', 'export') for h in hubs)
    for h in hubs:
        h.must('trust', 'bundle', 'import', '-', stdin=bundle)
    hubs[0].must('role', 'hub')
    for h in hubs[1:]:
        v = join(h, hubs[0], TLS, 'hub')
        part.same(v['code'], 'ILS-100', '%s joins H1' % h.name, v)
    see_whole(part, hubs, 'three hubs are meshed')
    return hubs


def own_print(c):
    return c.json('cert', 'show')['in_use']['fingerprint']


def trusted(c):
    """What lies in the trust store, and how it came there."""
    return {t['fingerprint']: t['source'] for t in c.json('trust', 'list')['store']}


# --- B6

def b6(part, net):
    hubs = hubs_of(part, net)
    c = begin(net, 'C')
    for h in hubs:
        c.must('trust', 'import', h.leaf.pem)
    hubs[0].must('trust', 'import', c.leaf.pem)
    watches = {x: Watch(x) for x in hubs + [c]}
    v = join(c, hubs[0], TLS, 'hub')
    part.same(v['code'], 'ILS-100', 'it joins the hub where it was imported', v)
    refused = {h: wait_until(lambda h=h: refusal_at(h, c), 20, 0.5) for h in hubs[1:]}
    for h in hubs[1:]:
        b6_refused(part, watches, c, h, refused[h])
    part.same(mesh_of(c), (1, 3), 'its status says hub mesh 1 of 3', c.json('status'))
    status = c.json('status')
    part.ok(status['health'] == 'degraded' and 'hub mesh 1 of 3' in c.ils('status')[1],
            'and that is not well', status, c.ils('status')[1])
    part.same(active(c, UNREACHABLE), [], 'nothing else is wrong at the newcomer')
    see_doctor(part, {'C': keep(part, c, hubs[1])['C']}, 'B6')
    for h in hubs[1:]:
        type_remedy(part, h, refused[h])
    see_whole(part, hubs + [c], 'the remedy at each, and the mesh is whole', 80)
    for x in hubs + [c]:
        part.same([a for a in active(x) if a['name'] == TLS_ALARM], [],
                  'and no alarm is left at %s' % x.name)


def refusal_at(h, c):
    """Of the attempts of c that h refused, the newest, as h has it."""
    mine = {v['verdict_id'] for v in c.json('verdicts') if v['dialler']}
    found = [v for v in h.json('verdicts') if v['code'] == 'ILS-308' and v['verdict_id'] in mine]
    if not found: # it came before what it says of itself did
        c.ils('connect', h.name)
    return found[0] if found else None


def b6_refused(part, watches, c, h, found):
    if not part.ok(found, '%s refuses it: ILS-308' % h.name, h.json('verdicts'),
                   c.json('verdicts'), *both_traces(watches[c], watches[h])):
        return
    v = [w for w in c.json('verdicts') if w['verdict_id'] == found['verdict_id']][0]
    part.same(v['code'], 'ILS-307', 'shown to it as ILS-307', v)
    same_verdict(part, h, v, h.name)
    has_trace(part, watches[h], ['T19', 'T20', 'T21', 'T22'], values(c, h, v, 'S'), [watches[c]])
    has_alarm(part, h, TLS_ALARM, c.fqdn, once=False)


# --- B7

def b7_invite(part, net, role):
    hubs = hubs_of(part, net, leaf=False)
    c = begin(net, 'C', leaf=False)
    before = {x: set(trusted(x)) for x in hubs + [c]}
    watches = {x: Watch(x) for x in hubs + [c]}
    v = c.json('join', hubs[0].json('invite')['token'], '--as', role)
    part.same(v['code'], 'ILS-100', 'joined by the invite', v)
    if role == 'hub':
        see_whole(part, hubs + [c], 'the mesh is whole')
    else:
        met = lambda: {p['cluster_id'] for p in c.json('peers') if p['met']} == {
            h.name for h in hubs}
        part.ok(wait_until(met, 80, 0.2), 'every hub was visited', c.json('peers'),
                c.json('verdicts'))
    for h in hubs[1:]:
        b7_introduced(part, hubs[0], h, c, watches, before)
    if role == 'hub':
        for x in hubs + [c]:
            part.same(active(x), [], 'no alarm at %s' % x.name)
    part.same(set(trusted(c)) - before[c], {own_print(h) for h in hubs},
              'the newcomer was given the certificates of the hubs')
    kept = keep(part, c, hubs[0])
    if role == 'hub': # T12 names no connection: two attempts side by side are not told apart
        del kept['C']
    see_doctor(part, kept, 'B7')
    if role == 'spoke':
        dies(part, hubs[0], c)


def b7_introduced(part, inviter, h, c, watches, before):
    print_ = own_print(c)
    part.same({p: s for p, s in trusted(h).items() if p not in before[h]},
              {print_: 'introduced by %s (%s)' % (inviter.name, peer_id(inviter)[:16])},
              '%s has imported it by the word of the inviting hub' % h.name)
    part.ok(in_trace(watches[h], 'C5'), 'which is in its trace', *watches[h].lines())
    row = [a for a in h.json('alarms') if a['name'] == INTRODUCED]
    part.ok(row and row[0]['Cluster1'] == c.name and row[0]['count'] == 1,
            'and an alarm', h.json('alarms'))
    part.ok(in_trace(watches[h], 'T12'), 'the link is by the imported certificate',
            *watches[h].lines())
    listed = h.json('trust', 'introductions')
    part.ok(listed['introductions'] and [i['fingerprint'] for i in listed['imported']] == [print_]
            and listed['imported'][0]['cluster_id'] == c.name, 'ils trust introductions names it',
            listed)


def b7_off(part, net):
    """The control: who has switched introductions off refuses, until they are switched on."""
    hubs = hubs_of(part, net, leaf=False)
    hubs[2].must('trust', 'introductions', 'off')
    c = begin(net, 'C', leaf=False)
    v = c.json('join', hubs[0].json('invite')['token'], '--as', 'hub')
    part.same(v['code'], 'ILS-100', 'joined by the invite', v)
    part.ok(wait_until(lambda: whole(hubs[0], hubs[1], c), 20, 0.1), 'two hubs take it')
    refused = wait_until(lambda: [w for w in hubs[2].json('verdicts') if w['code'] == 'ILS-301'],
                         20)
    part.ok(refused, 'the third refuses it', hubs[2].json('verdicts'))
    part.same(mesh_of(c), (2, 3), 'hub mesh 2 of 3', c.json('status'))
    part.ok(own_print(c) not in trusted(hubs[2]) and
            not hubs[2].json('trust', 'introductions')['introductions'], 'nothing was imported')
    hubs[2].must('trust', 'introductions', 'on')
    see_whole(part, hubs + [c], 'switched on: the mesh is whole', 80)


def b7_bundle(part, net):
    """Each operator types one command. The bundle of one hub holds the certificates of all
    three."""
    hubs = hubs_of(part, net, leaf=False)
    c = begin(net, 'C', leaf=False)
    file = net.folder + '/hubs.pem'
    hubs[0].must('trust', 'bundle', 'export', file)
    with open(file, encoding='ascii') as handle:
        text = handle.read()
    for h in hubs:
        part.ok('# cluster %s %s\n' % (h.name, peer_id(h)) in text and
                '# SHA-256 %s\n' % own_print(h) in text, 'the bundle names %s' % h.name, text)
    b7_damaged(part, c, text)
    out = c.must('trust', 'bundle', 'import', file)
    part.ok(all('%s %s' % (own_print(h), h.fqdn) in out for h in hubs),
            'each that is imported is named', out)
    mine = c.must('trust', 'bundle', 'export')
    for h in hubs:
        h.must('trust', 'bundle', 'import', '-', stdin=mine)
    watches = [Watch(x) for x in hubs + [c]]
    v = join(c, hubs[1], TLS, 'hub')
    part.same(v['code'], 'ILS-100', 'it joins one of them', v)
    see_whole(part, hubs + [c], 'the mesh is whole')
    for w in watches:
        part.ok(in_trace(w, 'T12'), 'by imported certificates at %s' % w.c.name, *w.lines())
    for x in hubs + [c]:
        part.same(active(x), [], 'no alarm at %s' % x.name)


def b7_damaged(part, c, text):
    """One of them is not whole: none is imported, and the line is named."""
    before = trusted(c)
    lines = text.split('\n')
    begins = [n for n, line in enumerate(lines) if line.startswith('-----BEGIN')]
    lines[begins[1] + 2] = lines[begins[1] + 2][:-4] + '!!!!'
    answer = c.json('trust', 'bundle', 'import', '-', stdin='\n'.join(lines))
    where = 'standard input, line %d' % (begins[1] + 1)
    part.ok(c.status == 1 and answer['error']['where'] == where,
            'a bundle that is not whole is refused with its line', c.status, answer)
    part.same(trusted(c), before, 'and nothing of it is imported')


# --- a hub dies

def dies(part, hub, c, others=None):
    """Its spoke has another hub within 15 s, and no lookup is lost."""
    c.must('route', 'add', '*', ROUTE)
    caller = Caller(c, '+81322220000') if others else None
    since = time.monotonic()
    hub.kill()
    found = wait_until(lambda: linked_with(c) - {hub.name}, REHOME + 5, 0.05)
    took = time.monotonic() - since
    part.ok(found and took <= REHOME, 'it has another hub within %d s' % REHOME,
            'after %.1f s' % took, c.json('verdicts')[:4], c.json('status'))
    if caller is not None:
        lost = caller.end()
        part.ok(not lost and caller.asked > 10, 'no lookup was lost of %d' % caller.asked,
                *lost[:3])


def three(part, net, **more):
    """H1, its alternate H2 and the spoke C, joined by password; each has a certificate of the
    authority."""
    made = {}
    for name in ('H1', 'H2', 'C'):
        e = made[name] = begin(net, name, **(more if name == 'H2' else {}))
        offer(e, PWD, 'password tls')
        e.must('password', 'add', '--stdin', stdin='one password\n')
    h1, h2, c = made['H1'], made['H2'], made['C']
    h1.must('role', 'hub')
    h2.must('plan', 'add', 'E164', '+81322220000')
    for e, role in ((h2, 'hub'), (c, 'spoke')):
        v = join(e, h1, PWD, role)
        part.same(v['code'], 'ILS-100', '%s joined by password' % e.name, v)
    c.must('route', 'add', '*', ROUTE)
    part.ok(wait_until(lambda: c.ils('lookup', '+81322220000')[0] == 0, 10), 'C knows H2')
    return h1, h2, c


def row_of(c, other):
    return [r for r in c.json('auth', 'ready', 'tls')['clusters']
            if r['cluster_id'] == other.name][0]


def switch(part, *ends):
    """All offer TLS from now on, and accept nothing else when all do."""
    for e in ends:
        offer(e, TLS, 'password tls')
    by_tls = lambda e: all(p['link_method'] == 'tls' for p in e.json('peers') if p['linked'])
    part.ok(wait_until(lambda: all(by_tls(e) for e in ends), 20), 'all links are by TLS',
            *[e.json('peers') for e in ends])
    for e in ends:
        e.must('auth', 'set', '--accept', 'tls')


def d6(part, net):
    h1, h2, c = three(part, net)
    visited = lambda how: [p for p in c.json('peers') if p['cluster_id'] == 'H2' and
                           not p['linked'] and p['method'] == how]
    part.ok(wait_until(lambda: visited(PWD), 15), 'the alternate was visited', c.json('peers'))
    part.ok(wait_until(lambda: row_of(c, h1)['outcome'] == 'stays', 10), 'H1 would stay',
            c.json('auth', 'ready', 'tls'))
    switch(part, h1, h2, c)
    part.ok(wait_until(lambda: visited(TLS), 20), 'and once more by TLS', c.json('peers'))
    for one, other in ((c, h1), (c, h2), (h1, c), (h2, c)):
        part.ok(wait_until(lambda: row_of(one, other)['outcome'] == 'stays', 10),
                '%s says that %s stays' % (one.name, other.name), one.json('auth', 'ready', 'tls'))
    wc, ws = Watch(c), Watch(h2)
    dies(part, h1, c, [h2])
    v = [v for v in c.json('verdicts') if v['code'] == 'ILS-100'][0]
    for w, other, at in ((wc, ws, 'C'), (ws, wc, 'S')):
        has_trace(part, w, ['T19', 'T32'], values(c, h2, v, at), [other])
    part.ok([a for a in c.json('alarms') if a['name'] == UNREACHABLE],
            'C has raised an alarm of its hub', c.json('alarms')) # over: H2 has the same address
    part.same([a for a in active(c) if a['name'] == TLS_ALARM], [], 'and none of certificates')
    see_doctor(part, keep(part, c, h2), 'D6')


class Forwarder:
    """What comes to ELSEWHERE goes to where the daemon listens; until it is opened, nobody listens
    there."""

    def __init__(self):
        self.listener = None

    def open(self, to):
        self.listener = socket.create_server((ELSEWHERE, to))
        threading.Thread(target=self.accept, args=(to,), daemon=True).start()

    def accept(self, to):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(('127.0.0.1', to))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    @staticmethod
    def carry(a, b):
        with contextlib.suppress(OSError):
            while True:
                piece = a.recv(65536)
                if not piece:
                    break
                b.sendall(piece)
        with contextlib.suppress(OSError):
            b.shutdown(socket.SHUT_WR)

    def close(self):
        if self.listener is not None:
            self.listener.close()


def d7(part, net):
    """What H2 says that it can be reached at leads nowhere until H1 has died."""
    way = Forwarder()
    h1, h2, c = three(part, net, advertise=ELSEWHERE)
    switch(part, h1, h2, c)
    for one, other in ((c, h2), (h2, c)):
        row = row_of(one, other)
        part.ok(row['outcome'] == 'cut off' and row['code_here'] == 'ILS-308' and row['next'],
                'ils auth ready at %s says that %s is cut off' % (one.name, other.name), row)
    part.ok(not [p for p in c.json('peers') if p['cluster_id'] == 'H2' and p['met']],
            'they have never met')
    part.ok(wait_until(lambda: (c.json('status')['cause'] or '').startswith(
        'the alternate hub H2 cannot be reached (ILS-4')), 'and its status says so',
            c.json('status')['cause'])
    wc, ws = Watch(c), Watch(h2)
    h1.kill()
    way.open(h2.tls_port)
    try:
        d7_refused(part, wc, ws)
    finally:
        way.close()


def d7_refused(part, wc, ws):
    c, h2 = wc.c, ws.c
    of = lambda code: [v for v in c.json('verdicts') if v['code'] == code and v['dialler']]
    v = wait_until(lambda: of('ILS-308'), 30)
    if not part.ok(v, 'the alternate is refused, as it was said', c.json('verdicts'),
                   *both_traces(wc, ws)):
        return
    v = v[0]
    part.same((v['host'], v['port']), (ELSEWHERE, h2.tls_port),
              'dialled where it says that it is', v)
    has_trace(part, wc, ['T19', 'T20', 'T21', 'T18'], values(c, h2, v, 'C'), [ws])
    has_alarm(part, c, TLS_ALARM, h2.fqdn, once=False)
    there = [w for w in h2.json('verdicts') if w['verdict_id'] == v['verdict_id']]
    part.same([w['code'] for w in there], ['ILS-307'], 'shown to the alternate as ILS-307')
    part.ok(c.json('status')['health'] == 'degraded',
            'and its status says that it is without a hub')
    see_doctor(part, keep(part, c, h2), 'D7')
    part.same(v['remedy_at'], 'here', 'the remedy is typed at C', v)
    type_remedy(part, c, v)
    v = wait_until(lambda: of('ILS-307'), 90)
    if not part.ok(v, 'then the alternate refuses C', c.json('verdicts')[:5]):
        return
    part.same(v[0]['remedy_at'], 'there', 'and names what is typed there', v[0])
    type_remedy(part, h2, v[0])
    part.ok(wait_until(lambda: 'H2' in linked_with(c), 90, 0.1), 'C has a hub again',
            c.json('verdicts')[:5])


def main():
    jobs = [('B6', b6, ())]
    jobs += [('B7 invite as ' + role, b7_invite, (role,)) for role in ('hub', 'spoke')]
    jobs += [('B7 off', b7_off, ()), ('B7 bundle', b7_bundle, ()), ('D6', d6, ()), ('D7', d7, ())]
    run_all(jobs)


main()
