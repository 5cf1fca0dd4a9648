#!/usr/bin/env python3
"""Clusters that somebody must decide about, before their admin pages (mend.mjs): two whose data
directories of yesterday were put back, and who wrote something else since; one that made a network
of its own, and was refused by another one."""
import os
import shutil
import sys

from scene import Network, Scene, wait_until


def finds(c, number):
    return c.json('lookup', number)['result'] in ('found', 'no_route')


def rolled_back(net, scene, name):
    """A spoke that writes nothing any more; its hub has 2002 and 2003 of it, it has 3002."""
    hub = net.cluster(name + '-hub').hub(password='one')
    c = net.cluster(name).init(password='one')
    c.must('plan', 'add', 'ENTERPRISE', '1002')  # before it, the plan has no epoch to go back in
    c.join(hub)
    scene.add(c)
    c.stop()
    yesterday = os.path.join(net.folder, name + '.yesterday')
    shutil.copytree(c.data, yesterday, ignore=shutil.ignore_patterns('trace', '*.sock'))
    c.start()
    for number in ('2002', '2003'):
        c.must('plan', 'add', 'ENTERPRISE', number)
    if not wait_until(lambda: finds(hub, '2003')):
        raise RuntimeError(name + ': its hub does not learn')
    c.stop()
    shutil.rmtree(c.data)
    shutil.copytree(yesterday, c.data)
    hub.stop()
    c.start()
    c.must('plan', 'add', 'ENTERPRISE', '3002')
    hub.start()
    c.join(hub)  # at once, and not when its patience with who did not answer is over
    if not wait_until(lambda: c.json('identity')['writing'] == 'rolled back', 60):
        raise RuntimeError('%s: it goes on writing: %s' % (name, c.json('status')))


def main():
    scene = Scene('mend.mjs')
    with Network() as net:
        for name in ('osaka', 'sapporo'):
            rolled_back(net, scene, name)
        tokyo = net.cluster('tokyo').hub(password='one')
        kobe = net.cluster('kobe').hub(password='one')
        kobe.must('join', '127.0.0.1:%d' % tokyo.port, '--as', 'hub', '--no-wait')
        scene.add(tokyo)
        scene.add(kobe)
        return scene.run()


sys.exit(main())
