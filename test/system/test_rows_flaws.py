#!/usr/bin/env python3
"""Rows F1 and F2 of the join: every flaw of a certificate, at either end, found by the other one
and told with OpenSSL's own number and words; and the name that was dialled. C is a spoke, and a
joining hub."""
from pki import FLAWS
from rows import BOTH, JOINS_AT_C, ROLES, TLS_ALARM, End, Row, run, run_all

SAME_KEY = ('ILS-303', 'ILS-306', 'ILS-310')
NEW_KEY = ('ILS-304', 'ILS-311')
NOT_THAT_NAME = (62, 'hostname mismatch')


def steps_of(flawed, flaw, presenter, verifier):
    """A renewed certificate is self-signed: its key was imported before, or it is imported now."""
    if flawed.code in SAME_KEY and flaw.endswith('imported'):
        return ((presenter, 'ILS-100'),)
    if flawed.code in SAME_KEY + NEW_KEY:
        return ((presenter, 'ILS-301'), (verifier, 'ILS-100'))
    return ((verifier, 'ILS-100'),)


def f1(part, net, flaw, presenter, role):
    """The end `presenter` shows a certificate with that flaw, the other one a sound one."""
    made = net.pki.flawed(flaw, presenter.lower() + '.example.com')
    by = 'S' if presenter == 'C' else 'C'
    ends = {presenter: End(BOTH, lambda pki, fqdn: made, 'root'), by: End(BOTH, 'CA', 'root')}
    row = Row(ends['C'], ends['S'], made.code, by,
              'T7 T15 T16 T31 T17 T18' if by == 'C' else 'T7 T19 T24 T18',
              'T15 T16 T30 T21 T22' if by == 'S' else '',
              (TLS_ALARM, 'ip' if by == 'C' else 'fqdn'), (made.error, made.text),
              steps_of(made, flaw, presenter, by))
    run(part, net, row, role)


LOCALHOST = ('localhost',)
F2 = {
    'F2 named': (End(BOTH, 'CA', 'root', names=LOCALHOST), 'localhost', 'ILS-100'),
    'F2 not named': (End(BOTH, 'CA', 'root'), 'localhost', 'ILS-305'),
    'F2 address': (End(BOTH, 'CA', 'root'), '127.0.0.1', 'ILS-100'),
    'F2 imported': (End(BOTH, 'CA', 'root'), 'localhost', 'ILS-100'),
    'F2 imported self-signed': (End(BOTH, 'SS', 'root'), 'localhost', 'ILS-100'),
}


def f2(part, net, name, role):
    """The name that was dialled, in the certificate of S or not."""
    s, host, code = F2[name]
    has = 'imp' if 'imported' in name else 'root'
    says = 'T12 T8 T9' if has == 'imp' else 'T19 T24 T8 T9'
    c = End(BOTH, 'CA', has, names=LOCALHOST)
    if code == 'ILS-100':
        row = Row(c, s, code, None, says, 'T19 T24 T25 T28 T3')
    else:
        row = Row(c, s, code, 'C', 'T15 T16 T17 T18', '', (TLS_ALARM, 'ip'), NOT_THAT_NAME,
                  JOINS_AT_C)
    run(part, net, row, role, host)


def main():
    jobs = [('F1 %s at %s as %s' % (flaw, end, role), f1, (flaw, end, role)) for flaw in FLAWS
            for end in 'CS' for role in ROLES]
    jobs += [('%s as %s' % (name, role), f2, (name, role)) for name in F2 for role in ROLES]
    run_all(jobs)


main()
