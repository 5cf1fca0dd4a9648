#!/usr/bin/env python3
"""The admin page in a browser: coming in, a second factor, naming a cluster, disconnecting one,
what is told by itself, the keyboard alone (enter.mjs). What is asked of every page stands in
test_pages.py."""
import sys

from scene import Network, Scene


def main():
    scene = Scene('enter.mjs')
    with Network() as net:
        tokyo = net.cluster('tokyo').hub(password='one')
        tokyo.must('describe', '--description', 'Head office', '--route-string', 'tokyo.example')
        tokyo.must('plan', 'add', 'E164', '+81312345678')
        spokes = [net.cluster(name).init(password='one') for name in ('osaka', 'sapporo')]
        for spoke in spokes:
            spoke.join(tokyo)
        kobe = net.cluster('kobe').init(password='two')
        kobe.join(tokyo)
        for c in (tokyo, spokes[0], kobe):
            scene.add(c)
        for name in ('nara', 'fukuoka'):
            scene.add(net.cluster(name), account=None)
        return scene.run()


sys.exit(main())
