#!/usr/bin/env python3
"""What others say at its greatest length, from right to left, and in letters of four bytes, on
every page, on a desk and on a telephone (texts.mjs): nothing stands outside of its place, nothing
changes the order of what is beside it, and no command is broken inside a word."""
import os
import sys

from scene import Network, Scene
from pki import Pki
from town import CSV, import_csv

HEBREW = 'סניף אוסקה (1234) \u202egnp.exe\u202c 🏯'
ARABIC = 'مكتب نارا: \u2067abc 99'
CASTLES = '🏯' * 32  # 128 bytes


def host(letter, n):
    """A name of so many octets, of labels as long as they may be."""
    labels = []
    while n > 0:
        size = min(63, n)
        labels.append(letter * size)
        n -= size + 1
    return '.'.join(labels)


def begin(c, letter, password):
    c.must('init', '--cluster-id', (c.name + '-' + letter * 50)[:50], '--fqdn', host(letter, 250))
    c.must('auth', 'set', '--tls', 'off', '--password', 'on', '--accept', 'tls,password')
    c.must('password', 'add', '--generation', 1, '--stdin', stdin=password + '\n')
    return c


def main():
    scene = Scene('texts.mjs')
    with Network() as net:
        tokyo = begin(net.cluster('tokyo'), 't', 'one')
        tokyo.must('role', 'hub')
        tokyo.must('describe', '--description', CASTLES, '--route-string', host('r', 250))
        osaka = begin(net.cluster('osaka'), 'o', 'one')
        osaka.must('describe', '--description', HEBREW, '--route-string', host('s', 250))
        uri = 'u' * 47 + '@' + host('h', 206)
        import_csv(osaka, 'HQ', CSV + 'URI,,%s\nE164,,+81612340001\n' % uri)
        nara = begin(net.cluster('nara'), 'n', 'one')
        nara.must('describe', '--description', ARABIC)
        import_csv(nara, 'HQ', CSV + 'URI,,%s\n' % uri)
        kobe = begin(net.cluster('kobe'), 'k', 'two')
        for spoke in (osaka, nara, kobe):
            spoke.join(tokyo)
        tokyo.must('route', 'add', '*.' + host('s', 248), 'sip:' + host('g', 230),
                   '--unresolved')
        tokyo.must('block', 'add', uri, '--description', ARABIC)
        tokyo.must('catalog', 'add', 'partner', '--route-string', host('c', 250), '--description',
                   HEBREW)
        tokyo.must('trust', 'import', Pki(os.path.join(net.folder, 'pki')).authority(ARABIC).pem)
        scene.add(tokyo, account='a' * 64)
        scene.add(kobe)
        return scene.run(uri=uri)


sys.exit(main())
