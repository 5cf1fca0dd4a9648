#!/usr/bin/env python3
"""Joins of real daemons, good and bad, are recorded between them; the attacker finds no password.

test_daemons.py ATTACKER CANDIDATES
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import Network, Tap
from recorder import Recorder

JOINS = 24
LINE = 616


def main(attacker, candidates):
    tap = Tap()
    with open(candidates, encoding='ascii') as handle:
        password = handle.read().splitlines()[LINE].split()[0]
    with Network() as net:
        hub = net.cluster('hub').hub(password)
        good = net.cluster('good').init(password)
        bad = net.cluster('bad').init('a mistyped password')
        path = os.path.join(net.folder, 'capture')
        recorder = Recorder(path, ('127.0.0.1', hub.port))
        codes = []
        for i in range(JOINS):
            spoke = good if i % 2 == 0 else bad
            codes.append(spoke.join(hub, '127.0.0.1', recorder.port)['code'])
        tap.same(codes, ['ILS-100', 'ILS-201'] * (JOINS // 2), '%d joins are recorded' % JOINS)
        recorder.close()
        tap.ok(recorder.sessions >= JOINS, 'each of them on a link of its own', recorder.sessions)
        said = subprocess.run([attacker, candidates, path], stdout=subprocess.PIPE, check=True,
                              timeout=300).stdout.decode()
        tap.ok('\nfound: none\n' in said, 'the attacker finds no password', said)
        tap.ok('# 0 sessions' not in said and ' 0 of them' not in said, 'and had what to look at',
               said)
        print('\n'.join('# ' + line.lstrip('# ') for line in said.splitlines()))
    tap.done()


main(*sys.argv[1:3])
