#!/usr/bin/env python3
"""The page before 200 clusters and 1 000 000 learned entries: how long until what was pressed or
typed is painted (large.mjs). script/prove page runs it.

200 processes would be too many for one machine: as in test_limits.py, seven hubs are real, and each
imports catalogs, until the table holds 200 rows; the entries are one hub's own, by a CSV file."""
import os
import sys

from scene import Network, Scene, wait_until
from town import entries

HUBS, EACH, MOST = 7, 32, 200


def lay(net, count):
    hubs = [net.cluster('h%d' % n).init(password='one') for n in range(1, HUBS + 1)]
    for c in hubs:
        c.must('limits', 'set', 'learned', str(2 * count + 100000))
    hubs[0].must('role', 'hub')
    for c in hubs[1:]:
        verdict = c.json('join', '127.0.0.1:%d' % hubs[0].port, '--as', 'hub')
        if verdict['code'] != 'ILS-100':
            raise RuntimeError('%s does not join: %s' % (c.name, verdict))
    left = MOST - HUBS
    for c in hubs[1:] + hubs[:1]:
        for k in range(min(EACH, left)):
            c.must('catalog', 'add', '%s-%02d' % (c.name, k), '--route-string', 'old.example.com')
        left -= min(EACH, left)
    path = os.path.join(net.folder, 'large.csv')
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write(entries(1000000000, count))
    hubs[1].must('plan', 'import', path, '--source', 'large')
    if not wait_until(lambda: hubs[0].json('status')['entries'] >= count and
                      len(hubs[0].json('clusters')) >= MOST, 300, 1):
        raise RuntimeError('not all was learned: %s' % hubs[0].json('status'))
    return hubs


def main(count):
    sys.argv[1:] = []
    scene = Scene('large.mjs')
    with Network() as net:
        hubs = lay(net, count)
        scene.add(hubs[0])
        scene.clusters[hubs[-1].name] = hubs[-1]
        return scene.run(entries=count)


sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000000))
