#!/usr/bin/env python3
"""The pictures of the admin page: every page in both languages, of an invented network (town.py,
shoot.mjs). script/screenshots runs it; it writes into the directory that it is given."""
import sys

from scene import Network, Scene
from town import town


def main(folder):
    sys.argv[1:] = []
    scene = Scene('shoot.mjs')
    with Network() as net:
        for c in town(net, refused=False):
            scene.add(c)
        return scene.run(folder=folder)


sys.exit(main(sys.argv[1]))
