#!/usr/bin/env python3
"""Stores that earlier versions left behind (state/store-N.tar.gz: N is the number of the store's
form) are opened by this one: what was learned is answered at once, by whom it was; the two clusters
in it find each other again, hear each other's changes, and nobody is a stranger or has to fetch
anything anew. Such a file is never made again: the next form adds its own."""
import glob
import os
import tarfile

from harness import ROOT, wait_until
from rows import run_all

STATES = sorted(glob.glob(os.path.join(ROOT, 'test', 'system', 'state', 'store-*.tar.gz')))
ROW = 'PatternType,PSTNFailover,Pattern\nE164,ITSELF,%s\n'


def of(c, dialed):
    """The route string under which it is found, or None."""
    match = c.json('lookup', dialed).get('match')
    return match and match['route_string']


def opened(part, net, path):
    with tarfile.open(path) as archive:
        archive.extractall(net.folder)  # before ilsd starts there
    tokyo, osaka = net.cluster('tokyo'), net.cluster('osaka')
    part.same([of(tokyo, '+81665550123'), of(tokyo, 'emi@osaka.example.com')],
              ['osaka.example.com'] * 2, 'tokyo answers what it had learned')
    part.same([of(osaka, n) for n in ('+81355510001', 'ken@tokyo.example.com', '+81355521234')],
              ['tokyo.example.com'] * 3, 'and osaka, a pattern too')
    part.same([r['pattern'] for r in tokyo.json('route', 'list')], ['*.osaka.example.com'],
              'its routes are there')
    part.same(osaka.json('status')['role'], 'Spoke', 'osaka is a spoke still')
    part.same(osaka.join(tokyo)['code'], 'ILS-100', 'osaka joins at the new address')
    for sayer, hearer, number in ((tokyo, osaka, '+81355510009'), (osaka, tokyo, '+81665550999')):
        sayer.must('plan', 'import', '-', '--source', 'new', stdin=ROW % number)
        part.ok(wait_until(lambda h=hearer, n=number: of(h, n)), sayer.name + ' goes on writing',
                hearer.json('clusters'))
    part.same([a['name'] for c in (tokyo, osaka) for a in c.json('alarms')
               if a['name'] != 'ILSHubClusterUnreachable'], [],
              'nobody is a copy, or came back older')
    for c in (tokyo, osaka):
        part.same(c.ils('verify')[0], 0, c.name + ' is sound')


run_all([(os.path.basename(path)[:-7], opened, (path,)) for path in STATES])
