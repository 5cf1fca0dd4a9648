#!/usr/bin/env python3
"""Rows A to E of the join: every method, certificate and password, by two real daemons each. A row
runs twice: C as a spoke, and as a joining hub. `test_rows_join.py B3 C` runs some of them."""
from harness import wait_until
from rows import (BOTH, JOINS_AT_C, JOINS_AT_S, PWD, PWD_ALARM, ROLES, TLS, TLS_ALARM, WAY_ALARM,
                  End, Row, Watch, join, judge, missing_line, offer, run, run_all)

OTHER = 'another password'
SELF_SIGNED = (18, 'self signed certificate')
NO_ISSUER = (20, 'unable to get local issuer certificate')

ROWS = {
    'A1': Row(End(PWD), End(PWD), 'ILS-100', None, 'T4 T5 T6 T7 T8 T9', 'T1 T2 T3'),
    'A2': Row(End(PWD), End(PWD, password=OTHER), 'ILS-201', 'S', 'T4 T5 T6 T7 T18',
              'T1 T2 T10 T11', (PWD_ALARM, 'ip'), steps=JOINS_AT_C, stdin=OTHER + '\n'),

    'B1 SS': Row(End(TLS, 'SS', 'imp'), End(TLS, 'SS', 'imp'), 'ILS-100', None,
                 'T4 T5 T7 T12 T8 T9', 'T12 T1 T2 T3'),
    'B1 CA': Row(End(TLS, 'CA', 'imp'), End(TLS, 'CA', 'imp'), 'ILS-100', None,
                 'T4 T5 T7 T12 T8 T9', 'T12 T1 T2 T3'),
    'B2': Row(End(TLS, 'SS'), End(TLS, 'SS', 'imp'), 'ILS-301', 'C', 'T7 T15 T16 T17 T18', '',
              (TLS_ALARM, 'ip'), SELF_SIGNED, JOINS_AT_C),
    'B2 own': Row(End(TLS), End(TLS), 'ILS-301', 'C', 'T7 T15 T16 T17 T18', '',
                  (TLS_ALARM, 'ip'), SELF_SIGNED, (('C', 'ILS-301'), ('S', 'ILS-100'))),
    'B3': Row(End(TLS, 'CA', 'imp'), End(TLS, 'SS', 'root'), 'ILS-307', 'S', 'T7 T12 T18',
              'T19 T20 T21 T22', (TLS_ALARM, 'fqdn'), steps=JOINS_AT_S),
    'B4': Row(End(TLS, 'SS', 'root'), End(TLS, 'CA', 'imp'), 'ILS-307', 'C', 'T7 T19 T20 T21 T18',
              '', (TLS_ALARM, 'fqdn'), steps=JOINS_AT_C),
    'B5': Row(End(TLS, 'SS', 'imp'), End(TLS, 'SS'), 'ILS-301', 'S', 'T7 T12 T18', 'T15 T16 T21',
              (TLS_ALARM, 'fqdn'), SELF_SIGNED, JOINS_AT_S),

    'C1': Row(End(BOTH, 'CA', 'root'), End(BOTH, 'CA', 'root'), 'ILS-100', None, 'T19 T24 T8 T9',
              'T19 T24 T25 T28 T3'),
    'C2': Row(End(BOTH, 'SS', 'root'), End(BOTH, 'CA', 'root'), 'ILS-301', 'S', 'T19 T24 T18',
              'T15 T16 T30', (TLS_ALARM, 'fqdn'), SELF_SIGNED, JOINS_AT_S),
    'C3': Row(End(BOTH, 'CA', 'root'), End(BOTH, 'SS', 'root'), 'ILS-301', 'C', 'T15 T16 T31 T18',
              '', (TLS_ALARM, 'ip'), SELF_SIGNED, JOINS_AT_C),
    'C4': Row(End(BOTH, 'SS', 'root'), End(BOTH, 'SS', 'root'), 'ILS-301', 'C', 'T15 T16 T31 T18',
              '', (TLS_ALARM, 'ip'), SELF_SIGNED, (('C', 'ILS-301'), ('S', 'ILS-100'))),
    'C5 CA': Row(End(BOTH, 'CA', 'root'), End(BOTH, 'CA', 'root', OTHER), 'ILS-201', 'S',
                 'T19 T24 T18', 'T19 T24 T10 T11', (PWD_ALARM, 'ip'), steps=JOINS_AT_C,
                 stdin=OTHER + '\n'),
    'C5 imp': Row(End(BOTH, 'SS', 'imp'), End(BOTH, 'CA', 'imp', OTHER), 'ILS-201', 'S',
                  'T12 T18', 'T12 T10 T11', (PWD_ALARM, 'ip'), steps=JOINS_AT_C,
                  stdin=OTHER + '\n'),
    'C6': Row(End(BOTH, 'SS', 'imp'), End(BOTH, 'SS', 'imp'), 'ILS-100', None, 'T12 T8 T9',
              'T12 T25 T28 T3'),
    'C7': Row(End(BOTH, 'CA'), End(BOTH, 'CA', 'root'), 'ILS-302', 'C', 'T15 T16 T18', '',
              (TLS_ALARM, 'ip'), NO_ISSUER, JOINS_AT_C),
    'C7 root': Row(End(BOTH, 'CA'), End(BOTH, 'CA+root', 'root'), 'ILS-302', 'C', 'T15 T16 T18', '',
                   (TLS_ALARM, 'ip'), NO_ISSUER, JOINS_AT_C), # a root is never sent along
    'C7 S': Row(End(BOTH, 'CA', 'root'), End(BOTH, 'CA'), 'ILS-302', 'S', 'T18', 'T15 T16',
                (TLS_ALARM, 'fqdn'), NO_ISSUER, JOINS_AT_S),

    'D1': Row(End(TLS, 'CA', 'root'), End(TLS, 'CA', 'root'), 'ILS-100', None, 'T19 T32 T8 T9',
              'T19 T32 T1 T2 T3', met=True),
    'D2': Row(End(TLS, 'CA', 'root'), End(TLS, 'SS', 'root'), 'ILS-301', 'C', 'T15 T16', '',
              (TLS_ALARM, 'ip'), SELF_SIGNED, JOINS_AT_C, met=True),
    'D3': Row(End(TLS, 'SS', 'root'), End(TLS, 'CA', 'root'), 'ILS-301', 'S', '', 'T15 T16',
              (TLS_ALARM, 'fqdn'), SELF_SIGNED, JOINS_AT_S, met=True),
    'D4': Row(End(TLS, 'CA', 'root'), End(TLS, 'CA', 'root'), 'ILS-307', 'C', 'T19 T20 T21 T18', '',
              (TLS_ALARM, 'fqdn'), steps=(('C', 'ILS-307'), ('S', 'ILS-100'))),

    'E1 password': Row(End(PWD), End(TLS, 'SS'), 'ILS-203', 'S', 'T7 T18', 'T1 T22',
                       (WAY_ALARM, 'ip'),
                       steps=(('S', 'ILS-202'), ('S', 'ILS-100')), stdin='one password\n'),
    'E1 TLS': Row(End(TLS, 'SS', 'imp'), End(PWD, 'SS', 'imp'), 'ILS-203', 'S', 'T7 T18', 'T1 T22',
                  (WAY_ALARM, 'ip'), steps=JOINS_AT_S),
    'E1 both': Row(End(BOTH, 'SS', 'imp'), End(PWD, 'SS', 'imp'), 'ILS-203', 'S', 'T7 T18',
                   'T1 T22', (WAY_ALARM, 'ip'), steps=JOINS_AT_S),
    'E2 imp': Row(End(TLS, 'SS', 'imp'), End(BOTH, 'SS', 'imp'), 'ILS-202', 'S', 'T7 T18',
                  'T10 T11', (PWD_ALARM, 'ip'), steps=JOINS_AT_C, stdin='one password\n'),
    'E2 piv': Row(End(TLS, 'CA', 'root'), End(BOTH, 'CA', 'root'), 'ILS-202', 'S', 'T7',
                  'T10 T11', (PWD_ALARM, 'ip'), steps=JOINS_AT_C, stdin='one password\n', met=True),
    'E3 imp': Row(End(BOTH, 'SS', 'imp'), End(TLS, 'SS', 'imp'), 'ILS-202', 'C', 'T7 T18', '',
                  (PWD_ALARM, 'ip'), steps=JOINS_AT_S, stdin='one password\n'),
    'E3 CA': Row(End(BOTH, 'CA', 'root'), End(TLS, 'CA', 'imp'), 'ILS-202', 'C', 'T7 T18', '',
                 (PWD_ALARM, 'ip'), steps=JOINS_AT_S, stdin='one password\n'),
}


# --- rows that take a third cluster, or show something of their own

def e4(part, net, role):
    """C by password; S offers TLS and accepts the password as well."""
    row = Row(End(PWD), End(BOTH, accept='tls+password password'), 'ILS-100', None,
              'T4 T5 T6 T7 T8 T9', 'T1 T2 T3')
    run(part, net, row, role)
    s = net.clusters[1]
    part.same(s.json('status')['still_on_password'], 1, 'S counts C as still on password')


def gossip(net, c_end, s_end):
    """C and S are members of one network, joined to a third hub by password, and have not met: S
    says that it is where nobody listens, so that C cannot visit it."""
    hub = End(TLS, 'CA', 'root').make(net, 'H')
    hub.must('trust', 'import', net.pki.root.pem)
    c = c_end.make(net, 'C')
    s = s_end.make(net, 'S', advertise='127.0.0.99')
    for e in (hub, c, s):
        offer(e, PWD, 'password tls')
        e.must('password', 'add', '--stdin', stdin='one password\n')
    hub.must('role', 'hub')
    for e, role in ((c, 'spoke'), (s, 'hub')):
        if join(e, hub, PWD, role)['code'] != 'ILS-100':
            raise RuntimeError('%s does not join by password' % e.name)
    wait_until(lambda: c.cluster('S') is not None and s.cluster('C') is not None, 10)
    return c, s


def d5(part, net, by, kind):
    """Known by gossip only; or a certificate of the authority for the name of another member."""
    own = {'C': End(TLS, 'CA', 'root'), 'S': End(TLS, 'CA', 'root')}
    presenter = 'S' if by == 'C' else 'C'
    if kind == 'name':
        own[presenter] = End(TLS, lambda pki, _: pki.leaf('h.example.com', pki.root), 'root')
    c, s = gossip(net, own['C'], own['S'])
    shown, verifier = (c, s) if by == 'S' else (s, c)
    if kind == 'name':
        shown.fqdn = 'h.example.com'
    own[by].trust(verifier, shown)
    own[presenter].trust(shown, verifier)
    shown.must('trust', 'import', verifier.leaf.pem)
    offer(c, TLS)
    part.ok(wait_until(lambda: [w for w in c.json('verdicts') if w['method'] == 'tls' and
                                (w['address'] or '').startswith('127.0.0.1:')], 20),
            'C has tried its own hub by TLS, before S is')
    wc, ws = Watch(c), Watch(s)
    v = join(c, s, TLS)
    there = [w['code'] for w in s.json('verdicts') if w['verdict_id'] == v['verdict_id']]
    part.same(there, ['ILS-307' if by == 'C' else 'ILS-308'], 'the code at S')
    row = Row(own['C'], own['S'], 'ILS-308' if by == 'C' else 'ILS-307', by,
              'T19 T20 T21 T18' if by == 'C' else 'T12 T18',
              'T19 T20 T21 T22' if by == 'S' else '',
              (TLS_ALARM, 'fqdn'), steps=JOINS_AT_C if by == 'C' else JOINS_AT_S, met=True)
    judge(part, row, wc, ws, v, lambda: join(c, s, TLS))


def control(part, net):
    """What is looked at can be missed: another order, another connection, another port."""
    found = {'k': 13, 'pip': '10.0.0.1', 'pport': 40000, 'lip': '10.0.0.2', 'lport': 7502}
    t1 = ('IlsD IlsHandler: Ils::wait_SdlConnectionInd(): New connection accepted. DeviceName=, '
          'TCPPid = [1.600.13.5], IPAddr=10.0.0.1, Port=40000, Controller=[1,20,1]')
    t22 = ('IlsD IlsHandler: Close Req. DeviceName=, TCPPid = [1.600.13.5], IPAddr=10.0.0.1, '
           'Port=40000, Controller=[1,20,1]')
    part.same(missing_line([t1, 'between', t22], ['T1', 'T22'], found), None, 'both, in order')
    part.same(missing_line([t22, t1], ['T1', 'T22'], found), 'T22', 'the other order')
    part.same(missing_line([t1, t22.replace('13.5', '13.6')], ['T1', 'T22'], found), 'T22',
              'another connection')
    part.same(missing_line([t1.replace('40000', '40001')], ['T1'], found), 'T1', 'another port')
    part.same(missing_line([t1 + '.'], ['T1'], found), 'T1', 'one character more')


def main():
    jobs = [('control', control, ())]
    jobs += [('%s as %s' % (name, role), run, (row, role)) for name, row in ROWS.items()
            for role in ROLES]
    jobs += [('D5 %s at %s' % (kind, by), d5, (by, kind)) for kind in ('gossip', 'name')
             for by in 'CS']
    jobs += [('E4 as ' + role, e4, (role,)) for role in ROLES]
    run_all(jobs)


main()
