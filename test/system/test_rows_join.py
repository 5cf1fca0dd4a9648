#!/usr/bin/env python3
"""Rows A to E of the join: every method, certificate and password, by two real daemons each. A row
runs twice: C as a spoke, and as a joining hub. `test_rows_join.py B3 C` runs some of them."""
import threading
import time

from harness import wait_until
from rows import (End, Watch, both_traces, cure, has_alarm, has_trace, join, keep, knows_nobody,
                  linked, no_alarm, offer, reads_well, run_all, same_verdict, see_doctor, values)

PWD, TLS, BOTH = 'password', 'tls', 'tls+password'
OTHER = 'another password'
PWD_ALARM, TLS_ALARM = 'ILSPwdAuthenticationFailed', 'ILSTLSAuthenticationFailed'
WAY_ALARM = 'ILSUnacceptableConnectionAttempt'
SELF_SIGNED = (18, 'self signed certificate')
IN_CHAIN = (19, 'self signed certificate in certificate chain')
NO_ISSUER = (20, 'unable to get local issuer certificate')
JOINED_C = 'T4 T5 T7 T8 T9'


class Row:
    """c, s: the two ends. code: the verdict, and `by` the end that found it (None: joined). c_says,
    s_says: lines in order. alarm: name and subject ('ip' or 'fqdn' of the other end), raised at
    `by`. flaw: OpenSSL's error and words. steps: the ends at which remedies are typed and what
    follows each."""

    def __init__(self, c, s, code, by, c_says, s_says, alarm=None, flaw=None, steps=(), stdin='',
                 met=False, code_there=None, extra=None):
        self.c, self.s, self.code, self.by = c, s, code, by
        self.says = {'C': c_says.split(), 'S': s_says.split()}
        self.alarm, self.flaw, self.steps, self.stdin = alarm, flaw, steps, stdin
        self.met, self.code_there, self.extra = met, code_there, extra


JOINS_AT_C, JOINS_AT_S = (('C', 'ILS-100'),), (('S', 'ILS-100'),)

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
    'C7 sent': Row(End(BOTH, 'CA'), End(BOTH, 'CA+root', 'root'), 'ILS-302', 'C', 'T15 T16 T18', '',
                   (TLS_ALARM, 'ip'), IN_CHAIN, JOINS_AT_C),
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


class Caller:
    """Asks one lookup again and again; counts what was not found."""

    def __init__(self, c, dialled):
        self.c, self.dialled, self.lost, self.asked, self.over = c, dialled, [], 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            answer = self.c.ask('lookup', dialled=self.dialled)
            self.asked += 1
            if answer.get('result', {}).get('result') != 'found':
                self.lost.append(answer)
            time.sleep(0.002)

    def end(self):
        self.over = True
        self.thread.join(10)
        return self.lost


def met_before(part, c, s, row, role):
    """The two have joined by password; S offers what the row says already, and still accepts the
    password."""
    for e in (c, s):
        offer(e, PWD)
        e.must('password', 'add', '--stdin', stdin='one password\n')
    s.must('plan', 'add', 'E164', '+81312345678')
    s.must('route', 'add', '*', 'sip:127.0.0.1:5060;transport=tcp')
    c.must('route', 'add', '*', 'sip:127.0.0.1:5060;transport=tcp')
    v = join(c, s, PWD, role)
    part.same(v['code'], 'ILS-100', 'they joined by password before', v)
    part.ok(wait_until(lambda: linked(c, s) and
                       c.ils('lookup', '+81312345678')[0] == 0, 10), 'and know each other')
    if 'password' not in row.c.method:
        c.must('auth', 'set', '--password', 'on') # as it is; the password goes with the switch
    row.s.authenticate(s, accept=row.s.method + ' password')


def switch(c, row):
    """C switches; the attempt that follows by itself."""
    before = {v['verdict_id'] for v in c.json('verdicts')}
    row.c.authenticate(c, accept=row.c.method + ' password')
    if 'password' not in row.c.method and row.code == 'ILS-202':
        c.must('password', 'drop', '1')
    new = wait_until(lambda: [v for v in c.json('verdicts') if v['verdict_id'] not in before
                              and v['method'] != PWD], 10)
    return new[-1] if new else {'code': None}


def run(part, net, row, role):
    c, s = row.c.make(net, 'C'), row.s.make(net, 'S')
    row.c.trust(c, s)
    row.s.trust(s, c)
    s.must('role', 'hub')
    caller = None
    if row.met:
        met_before(part, c, s, row, role)
        caller = Caller(c, '+81312345678')
    else:
        row.c.authenticate(c)
        row.s.authenticate(s)
    wc, ws = Watch(c), Watch(s)
    v = switch(c, row) if row.met else join(c, s, row.c.method, role)
    if not part.same(v['code'], row.code, 'the verdict', v, *both_traces(wc, ws)):
        return
    same_verdict(part, s, v)
    for end, w, other in (('C', wc, ws), ('S', ws, wc)):
        has_trace(part, w, row.says[end], values(c, s, v, end, row.flaw), [other])
    look_at(part, c, s, wc, ws, row)
    kept = keep(part, c, s)
    see_doctor(part, kept, part.name.split()[0])
    if row.code != 'ILS-100':
        cure(part, c, s, v, row.steps, lambda: join(c, s, c_method(c), role), row.stdin)
    if caller is not None:
        lost = caller.end()
        part.ok(not lost and caller.asked > 10, 'no lookup was lost of %d' % caller.asked, *lost[:3])


def c_method(c):
    auth = c.json('auth', 'show')
    return '+'.join(m for m in ('tls', 'password') if auth[m])


def look_at(part, c, s, wc, ws, row):
    """What the row leaves beside its lines."""
    if row.code == 'ILS-100':
        part.ok(wait_until(lambda: linked(c, s), 10), 'each has the other, up to date',
                c.json('clusters'), s.json('clusters'))
        reads_well(part, wc, ws)
        no_alarm(part, c)
        no_alarm(part, s)
        return
    here, other = (c, s) if row.by == 'C' else (s, c)
    name, subject = row.alarm
    has_alarm(part, here, name, '127.0.0.1' if subject == 'ip' else other.fqdn)
    no_alarm(part, other)
    if not row.met:
        knows_nobody(part, c, s)
    bad = ws.errors() if row.by == 'C' else wc.errors(besides=['T18'])
    part.ok(not bad, 'no line of an error at the other end', *bad)


# --- rows that take a third cluster, or show something of their own

def e4(part, net, role):
    """C by password; S offers TLS and accepts the password as well."""
    c = End(PWD).make(net, 'C')
    s = End(BOTH).make(net, 'S')
    offer(c, PWD)
    offer(s, BOTH, 'tls+password password')
    s.must('role', 'hub')
    wc, ws = Watch(c), Watch(s)
    v = join(c, s, PWD, role)
    part.same(v['code'], 'ILS-100', 'the verdict', v)
    same_verdict(part, s, v)
    has_trace(part, wc, 'T4 T5 T6 T7 T8 T9'.split(), values(c, s, v, 'C'), [ws])
    has_trace(part, ws, 'T1 T2 T3'.split(), values(c, s, v, 'S'), [wc])
    look_at(part, c, s, wc, ws, Row(End(PWD), End(BOTH), 'ILS-100', None, '', ''))
    status = s.json('status')
    part.ok(status.get('still_on_password') in (1, ['C']) or
            'C' in str(status.get('still_on_password')), 'S counts it as still on password', status)
    see_doctor(part, keep(part, c, s), 'E4')


def main():
    jobs = [('%s as %s' % (name, role), run, (row, role)) for name, row in ROWS.items()
            for role in ('spoke', 'hub') if name[0] != 'E' or role == 'spoke']
    jobs.append(('E4 as spoke', e4, ('spoke',)))
    run_all(jobs)


main()
