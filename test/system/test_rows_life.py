#!/usr/bin/env python3
"""Rows H1 to H6 of the join: certificates that are renewed, replaced and run out while two clusters
are joined, at either end. C is a spoke, and a joining hub."""
import os

from harness import wait_until
from rows import (BOTH, ROLES, TLS, TLS_ALARM, Caller, End, Row, Watch, both_traces, cure,
                  has_alarm, has_trace, join, keep, linked, no_alarm, offer, pair, peer_id,
                  reads_well, run, run_all, same_verdict, see_doctor, values)

METHODS = {TLS: 'T32', BOTH: 'T24'}
CODE_EXPIRED = (10, 'certificate has expired')


def shown(c, other):
    """The certificate that `other` shows on its link to c."""
    rows = [p for p in c.json('peers') if p['cluster_id'] == other.name]
    return rows[0].get('certificate_fingerprint') if rows and rows[0]['linked'] else None


def in_use(c):
    return c.json('cert', 'show')['in_use']['fingerprint']


def renewed(part, end, other, what, says, *words, stdin=''):
    """Types a renewal at `end` while both look numbers up; the other end takes it by a new link."""
    before, store = in_use(end), len(other.json('trust', 'list')['store'])
    callers = [Caller(other, '+81311110000' if end.name == 'C' else '+81322220000'),
               Caller(end, '+81322220000' if end.name == 'C' else '+81311110000')]
    we, wo = Watch(end), Watch(other)
    status, out = end.ils(*words, stdin=stdin)
    part.ok(status == 0, '%s at %s' % (' '.join(words[:2]), end.name), out, end.error)
    now = in_use(end)
    part.ok(now != before, 'another certificate is in use', now)
    part.ok(wait_until(lambda: shown(other, end) == now and linked(end, other), 15),
            '%s: a new link shows it to the other end' % what, other.json('peers'),
            other.json('verdicts')[:2], *both_traces(we, wo))
    lost = callers[0].end() + callers[1].end()
    part.ok(not lost, 'no lookup was lost of %d' % (callers[0].asked + callers[1].asked), *lost[:3])
    new = [v for v in other.json('verdicts') if v['code'] == 'ILS-100' and
           v['fingerprint'] == now]
    if part.ok(new, 'and a verdict that it joined', other.json('verdicts')):
        v = [v for e in (end, other) for v in e.json('verdicts') if v['dialler'] and
             v['verdict_id'] == new[0]['verdict_id']][0]
        c, s = (end, other) if end.name == 'C' else (other, end)
        has_trace(part, wo, says, values(c, s, v, other.name), [we])
    reads_well(part, we, wo)
    return len(other.json('trust', 'list')['store']) - store


def finish(part, net, row):
    c, s = net.clusters[0], net.clusters[1]
    no_alarm(part, c)
    no_alarm(part, s)
    see_doctor(part, keep(part, c, s), row)


# --- H1 and H5, H6: nothing to import

def h1_imported(part, net, method, at, role):
    c, s = pair(part, net, End(method, 'SS', 'imp'), End(method, 'SS', 'imp'), role)
    end, other = (c, s) if at == 'C' else (s, c)
    more = renewed(part, end, other, 'the same key', ['T12'], 'cert', 'renew', '--same-key')
    part.same(more, 0, 'nothing was imported')
    finish(part, net, 'H1')


def h1_signed(part, net, method, at, role):
    """The authority signs a new certificate for the key in use."""
    c, s = pair(part, net, End(method, 'CA', 'root imp'), End(method, 'CA', 'root imp'), role)
    end, other = (c, s) if at == 'C' else (s, c)
    request = os.path.join(net.folder, 'one.csr')
    end.must('cert', 'csr', '--out', request)
    answer = net.pki.leaf(end.fqdn, net.pki.root, key=request)
    more = renewed(part, end, other, 'the same key', ['T12'], 'cert', 'install', answer.file)
    part.same(more, 0, 'nothing was imported')
    finish(part, net, 'H1')


def h6(part, net, method, at, role, second=False):
    """A new key under a certificate of the authority (H5: of another one, which is trusted too)."""
    c, s = pair(part, net, End(BOTH, 'CA', 'root root2'), End(BOTH, 'CA', 'root root2'), role)
    if method == TLS: # who was met by password needs no password any more
        offer(s, TLS, 'tls tls+password')
        offer(c, TLS, 'tls tls+password')
        part.ok(wait_until(lambda: [p for p in c.json('peers') if p['linked'] and
                                    p.get('link_method') == TLS], 10),
                'by TLS alone', c.json('peers'))
    end, other = (c, s) if at == 'C' else (s, c)
    leaf = net.pki.leaf(end.fqdn, net.pki.second if second else net.pki.root)
    end.leaf = leaf
    more = renewed(part, end, other, 'a new key', ['T19', METHODS[method]], 'cert', 'install',
                   leaf.file, '--key', leaf.key, '--now')
    part.same(more, 0, 'nothing was imported')
    finish(part, net, 'H5' if second else 'H6')


# --- H2: announced ahead

def h2(part, net, method, at, role):
    c, s = pair(part, net, End(method, 'SS', 'imp'), End(method, 'SS', 'imp'), role)
    end, other = (c, s) if at == 'C' else (s, c)
    more = renewed(part, end, other, 'a new key', ['T12'], 'cert', 'renew')
    part.same(more, 1, 'the announced certificate was imported, by itself')
    alarms = [a for a in other.json('alarms') if a['name'] == 'ILSCertificateAnnounced']
    part.ok(alarms and alarms[0]['Cluster1'] == end.fqdn, 'the other end says so by an alarm',
            other.json('alarms'))
    part.ok(any(r['event'] == 'C2' and '(PeerId(%s))' % peer_id(end) in r['text']
                for r in other.trace_records()), 'and in its trace')
    part.same([a for a in c.json('alarms') + s.json('alarms')
               if a['active'] and a['name'] != 'ILSCertificateAnnounced'], [], 'no other alarm')
    kept = keep(part, c, s)
    see_doctor(part, kept, 'H2')


# --- H3: never announced

def h3(part, net, at, role):
    c, s = pair(part, net, End(TLS, 'SS', 'imp'), End(TLS, 'SS', 'imp'), role)
    end, other = (c, s) if at == 'C' else (s, c)
    by = other.name
    other.stop()
    end.must('cert', 'renew', '--now')
    before = {v['verdict_id'] for v in c.json('verdicts')} if at == 'C' else set()
    wc, ws = Watch(c), Watch(s)
    other.start()
    v = wait_until(lambda: [v for v in c.json('verdicts') if v['verdict_id'] not in before and
                            v['code'] not in ('ILS-100', 'ILS-401')], 15)
    v = v[0] if v else join(c, s, TLS, role)
    part.same(v['code'], 'ILS-301', 'the verdict', v, *both_traces(wc, ws))
    same_verdict(part, s, v)
    says = values(c, s, v, by, (18, 'self signed certificate'))
    has_trace(part, wc if by == 'C' else ws, ['T15', 'T16'], says)
    # Of two hubs both dial: who refuses as the dialler knows an address only.
    subject = '127.0.0.1' if by == 'C' else end.fqdn
    has_alarm(part, other, TLS_ALARM, ('127.0.0.1', subject) if role == 'hub' else subject,
              once=False)
    kept = keep(part, c, s)
    see_doctor(part, kept, 'H3')
    cure(part, c, s, v, ((by, 'ILS-100'),), lambda: join(c, s, TLS, role))


# --- H4: the end date passes

def h4(part, net, method, at, imported, role):
    life = 7
    short = lambda pki, fqdn: pki.leaf(fqdn, None if imported else pki.root, end=life)
    ends = {e: End(method, 'SS' if imported else 'CA', 'imp' if imported else 'root') for e in 'CS'}
    ends[at] = End(method, short, 'imp' if imported else 'root')
    c, s = pair(part, net, ends['C'], ends['S'], role)
    end, other = (c, s) if at == 'C' else (s, c)
    caller = Caller(other, '+81311110000' if at == 'C' else '+81322220000')
    over = end.json('cert', 'show')['in_use']['not_after']
    for e in (c, s):
        part.ok([a for a in e.json('alarms') if a['name'] == 'ILSCertificateExpiring' and
                 a['Cluster1'] == end.fqdn], 'the end is near, says %s' % e.name, e.json('alarms'))
    wc, ws = Watch(c), Watch(s)
    wo = wc if other is c else ws
    gone = wait_until(lambda: [r for r in wo.records() if r['event'] == 'L1'], life + 15)
    ended = wait_until(lambda: [r for w in (wc, ws) for r in w.records() if r['event'] == 'L1'
                                and r['code'] == 'ILS-303'][1:], 5)
    part.ok(gone and ended and gone[0]['time'] >= over, 'the link ended then, at both ends, by '
            'ILS-303', over, gone, *both_traces(wc, ws))
    first = [v for v in c.json('verdicts') if v['code'] == 'ILS-100'][-1]
    has_trace(part, wo, ['T15', 'T16'], values(c, s, first, other.name, CODE_EXPIRED))
    part.ok([a for a in other.json('alarms') if a['name'] == TLS_ALARM], 'alarm at ' + other.name)
    v = join(c, s, method, role)
    part.same(v['code'], 'ILS-303', 'the verdict of the next attempt', v)
    same_verdict(part, s, v)
    see_doctor(part, keep(part, c, s), 'H4')
    steps = ((at, 'ILS-100'),) if imported else ((at, 'ILS-301'), (other.name, 'ILS-100'))
    cure(part, c, s, v, steps, lambda: join(c, s, method, role))
    lost = caller.end()
    part.ok(not lost, 'lookups went on meanwhile, %d' % caller.asked, *lost[:3])


# --- H5: two authorities

def h5(part, net, c_by, s_by, role):
    sign = {'root': lambda pki, fqdn: pki.leaf(fqdn, pki.root),
            'root2': lambda pki, fqdn: pki.leaf(fqdn, pki.second)}
    row = Row(End(BOTH, sign[c_by], 'root root2'), End(BOTH, sign[s_by], 'root root2'), 'ILS-100',
              None, 'T19 T24 T8 T9', 'T19 T24 T25 T28 T3')
    run(part, net, row, role)


def jobs_as(role):
    ends = [('at %s by %s as %s' % (at, method, role), (method, at, role)) for method in METHODS
            for at in 'CS']
    jobs = [('H4 %s at %s as %s' % (kind, at, role), h4,
             (BOTH if kind == 'signed' else TLS, at, kind == 'imported', role))
            for kind in ('signed', 'imported') for at in 'CS']
    jobs += [('H1 imported ' + name, h1_imported, a) for name, a in ends]
    jobs += [('H1 signed ' + name, h1_signed, a) for name, a in ends]
    jobs += [('H2 ' + name, h2, a) for name, a in ends]
    jobs += [('H3 at %s as %s' % (at, role), h3, (at, role)) for at in 'CS']
    jobs += [('H5 %s and %s as %s' % (a, b, role), h5, (a, b, role)) for a, b in
             (('root', 'root2'), ('root2', 'root'), ('root2', 'root2'))]
    jobs += [('H5 replaced ' + name, h6, a + (True,)) for name, a in ends]
    jobs += [('H6 ' + name, h6, a) for name, a in ends]
    return jobs


def main():
    jobs = []
    for role in ROLES:
        jobs += jobs_as(role)
    run_all(jobs)


main()
