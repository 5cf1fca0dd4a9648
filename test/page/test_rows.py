#!/usr/bin/env python3
"""Rows of the join that fail, before the admin pages of both ends: code, cause and remedy are shown
at both, and who follows the remedy on the page that it leads to joins (rows.mjs). The ends are set
up as in the rows of test/system, by command line; the attempt, and all that follows, is made in the
browser."""
import sys

from scene import Network, Scene
import rows
from rows import BOTH, PWD, TLS, End, offer

ROWS = {  # C, S, and whether they have met by password before
    'A2': (End(PWD), End(PWD, password='another password'), False),
    'B2': (End(TLS, 'SS'), End(TLS, 'SS', 'imp'), False),
    'B3': (End(TLS, 'CA', 'imp'), End(TLS, 'SS', 'root'), False),
    'C2': (End(BOTH, 'SS', 'root'), End(BOTH, 'CA', 'root'), False),
    'C3': (End(BOTH, 'CA', 'root'), End(BOTH, 'SS', 'root'), False),
    'D2': (End(TLS, 'CA', 'root'), End(TLS, 'SS', 'root'), True),
    'D3': (End(TLS, 'SS', 'root'), End(TLS, 'CA', 'root'), True),
}


def lay(net, scene, name, c_end, s_end, met):
    """The two ends of a row, so far that C's attempt is missing."""
    c, s = c_end.make(net, name + '-C'), s_end.make(net, name + '-S')
    c_end.trust(c, s)
    s_end.trust(s, c)
    s.must('role', 'hub')
    if met:
        for e in (c, s):
            offer(e, PWD)
            e.must('password', 'add', '--stdin', stdin='one password\n')
        if rows.join(c, s, PWD)['code'] != 'ILS-100':
            raise RuntimeError('%s: they do not join by password' % name)
        s_end.authenticate(s, accept='tls password')
    else:
        s_end.authenticate(s)
    scene.add(c)
    scene.add(s)


def main():
    scene = Scene('rows.mjs')
    with Network() as net:
        net.pki = rows.pki()
        wanted = [name for name in ROWS if not sys.argv[1:] or name in sys.argv[1:]]
        for name in wanted:
            lay(net, scene, name, *ROWS[name])
        return scene.run(rows=wanted)


sys.exit(main())
