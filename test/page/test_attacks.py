#!/usr/bin/env python3
"""The admin page under attack in a browser: what other clusters say, with markup wherever they
may say it, is shown as text; pages of other places, and names of others that point here, get
nothing; nothing is left behind (attacks.mjs). Its checks begin with the numbers of OWASP ASVS 5
(docs/asvs.md)."""
import os
import sys

from scene import Network, Scene
from pki import Pki

# What runs, where it is taken for markup, in the ways that need no click.
IMAGE = '<img class=evil src=x onerror=hit(1)>'
VECTOR = '"\'><svg class=evil onload=hit(2)></svg><script class=evil>hit(3)</script>'
URI = "<script>hit(4)</script><b>@osaka.example.com"
USER = "'onerror=hit(6)@osaka.example.com"
LINK = 'javascript:hit(5)'
TRACE = """11/23/2026 13:00:00.000 |SdlSig|{0}|osaka {0}
not joined: {0} (ILS-301)
""".format(IMAGE)


def main():
    scene = Scene('attacks.mjs')
    with Network() as net:
        tokyo = net.cluster('tokyo').hub(password='one')
        osaka = net.cluster('osaka').init(password='one')
        osaka.must('describe', '--description', IMAGE)
        osaka.must('plan', 'add', 'URI', URI)
        osaka.must('plan', 'add', 'URI', USER)
        nara = net.cluster('nara').init(password='one')
        nara.must('describe', '--description', VECTOR)
        pki = Pki(os.path.join(net.folder, 'pki'))
        root = pki.authority(IMAGE)
        leaf = pki.leaf('kobe.example.com', root)
        kobe = net.cluster('kobe').init(password='two')
        kobe.must('describe', '--description', LINK)
        kobe.must('cert', 'install', leaf.file, '--key', leaf.key, '--force', '--now')
        for c in (tokyo, kobe):
            c.must('auth', 'set', '--tls', 'on', '--password', 'off', '--accept', 'tls,password')
        osaka.join(tokyo)
        nara.join(tokyo)
        where = '%s:%d' % (tokyo.address, tokyo.tls_port)
        kobe.must('trust', 'import', '--verdict', kobe.json('join', where)['verdict_id'])
        kobe.json('join', where)  # and now tokyo refuses it
        tokyo.must('trust', 'import', root.pem)
        tokyo.must('block', 'add', 'eve@osaka.example.com', '--description', VECTOR)
        tokyo.must('catalog', 'add', 'pbx', '--route-string', 'pbx.example', '--description',
                   VECTOR)
        scene.add(tokyo)
        scene.add(nara)
        return scene.run(texts={'image': IMAGE, 'subject': IMAGE[1:-1], 'vector': VECTOR,
                                'uri': URI, 'user': USER, 'link': LINK, 'trace': TRACE})


sys.exit(main())
