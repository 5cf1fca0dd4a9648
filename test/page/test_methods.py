#!/usr/bin/env python3
"""The four ways of joining, each from two fresh clusters to `Up to date` at both ends, with nothing
but the admin page (methods.mjs). What an authority does is done by openssl (pki.py)."""
import os
import sys

from scene import Network, Scene
from pki import Pki

WAYS = ('password', 'tls', 'both', 'switch', 'control')


def files(certificate):
    return {'file': certificate.file, 'key': certificate.key}


def main():
    scene = Scene('methods.mjs')
    with Network() as net:
        pki = Pki(os.path.join(net.folder, 'pki'))
        certificates = {}
        for way in WAYS:
            for end in ('c', 's'):
                name = '%s-%s' % (way, end)
                told = scene.add(net.cluster(name), account=None)
                if way in ('both', 'switch'):
                    certificates[name] = files(pki.leaf(told['fqdn'], pki.root))
        return scene.run(root=pki.root.pem, certificates=certificates)


sys.exit(main())
