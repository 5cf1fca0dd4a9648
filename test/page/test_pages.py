#!/usr/bin/env python3
"""Every page of the admin page, before a network that has something for each (town.py): in both
languages, in light and dark, by axe; an import with wrong rows; how much the first load is
(pages.mjs)."""
import os
import sys

from scene import Network, Scene
from town import CSV, entries, town

WRONG = CSV + 'URI,,carol@osaka.example.com\nWIDGET,,x\nE164,,+81699\nGADGET,,y\n'


def write(net, name, text):
    path = os.path.join(net.folder, name)
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write(text)
    return path


def main():
    scene = Scene('pages.mjs')
    with Network() as net:
        for c in town(net):
            scene.add(c)
        return scene.run(wrong=write(net, 'wrong.csv', WRONG),
                         right=write(net, 'right.csv', entries(661110000, 3)))


sys.exit(main())
