#!/usr/bin/env python3
"""Certificates, trust and invites as an operator types them, before a real ilsd: own certificate by
request and by file, every bad file named with its remedy while the old one stays, remedies of a
refusal typed as printed, invites, renewal that waits for the neighbours, Japanese."""
import json
import os
import re
import socket
import subprocess

from harness import ILS, Network, Tap, wait_until
from pki import DAY, Pki, openssl

FINGERPRINT = re.compile(r'\b(?:[0-9A-F]{2}:){31}[0-9A-F]{2}\b')
tap = Tap()


def fingerprint(c):
    return FINGERPRINT.search(c.must('cert', 'show')).group()


def tls_cluster(net, name, hub=False):
    c = net.cluster(name)
    c.must('init', '--cluster-id', name, '--fqdn', name + '.example.com')
    if hub:
        c.must('role', 'hub')
    return c


def own(net, pki):
    c = tls_cluster(net, 'tokyo')
    shown = c.json('cert', 'show')
    tap.ok(shown['in_use']['names'] == ['tokyo.example.com'] and shown['in_use']['self_signed'] and
           shown['next'] is None and shown['in_use']['days_left'] > 1800, 'init makes one', shown)
    folder = net.folder
    c.must('cert', 'csr', '--out', 'a.csr', '--name', 'www.example.com')
    text = openssl('req', '-in', os.path.join(folder, 'a.csr'), '-noout', '-verify', '-text')
    tap.ok('DNS:tokyo.example.com' in text and 'DNS:www.example.com' in text,
           'the request holds the names', text)
    openssl('x509', '-req', '-in', os.path.join(folder, 'a.csr'), '-CA', pki.root.pem, '-CAkey',
            pki.root.key, '-CAcreateserial', '-copy_extensions', 'copy', '-days', '30', '-out',
            os.path.join(folder, 'signed.pem'))
    before = fingerprint(c)
    out = c.must('cert', 'install', 'signed.pem')
    tap.ok(fingerprint(c) != before and fingerprint(c) in out,
           'what the authority signed is installed with the key in use', out)
    leaf = pki.leaf('tokyo.example.com', pki.root)
    c.must('cert', 'install', leaf.file, '--key', leaf.key, '--now')
    tap.same(fingerprint(c), leaf.fingerprint(), 'certificate and key file')
    out = c.must('cert', 'install', leaf.pem, '--key', leaf.key, '--now') # without its issuers
    tap.ok('note: its issuer CN=' in out and 'ILS-302' in out and 'cat CERTIFICATE ISSUER' in out,
           'an issuer that is nowhere is noted', out)
    c.must('trust', 'import', pki.root.pem)
    out = c.must('cert', 'install', leaf.pem, '--key', leaf.key, '--now')
    tap.ok('ILS-302' not in out, 'and one that is believed is not', out)
    issuer = openssl('x509', '-in', leaf.pem, '-noout', '-issuer', '-nameopt', 'RFC2253')
    tap.same('issuer=' + c.json('cert', 'show')['in_use']['issuer'], issuer.strip(),
             'the issuer is named, sent along or not')
    pkcs12(c, pki)
    before = fingerprint(c)
    c.must('cert', 'renew', '--same-key', '--now')
    tap.ok(fingerprint(c) != before, 'cert renew')
    bad_files(c, pki, folder)


def pkcs12(c, pki):
    leaf = pki.leaf('tokyo.example.com', pki.root)
    bundle, secret = leaf.pem + '.p12', leaf.pem + '.secret'
    with open(secret, 'w', encoding='ascii') as handle:
        handle.write('open sesame\n')
    openssl('pkcs12', '-export', '-in', leaf.pem, '-inkey', leaf.key, '-out', bundle, '-passout',
            'file:' + secret)
    before = fingerprint(c)
    status, _ = c.ils('cert', 'install', bundle)
    tap.ok(status == 1 and '--password-file' in c.error and fingerprint(c) == before,
           'PKCS#12 without a password: the remedy is --password-file', c.error)
    with open(secret + '2', 'w', encoding='ascii') as handle:
        handle.write('wrong\n')
    status, _ = c.ils('cert', 'install', bundle, '--password-file', secret + '2')
    tap.ok(status == 1 and 'password' in c.error and fingerprint(c) == before,
           'with a wrong one', c.error)
    c.must('cert', 'install', bundle, '--password-file', secret)
    tap.same(fingerprint(c), leaf.fingerprint(), 'with the right one')


def bad_files(c, pki, folder):
    fqdn = 'tokyo.example.com'
    good, other = pki.leaf(fqdn, pki.root), pki.leaf(fqdn, pki.root)
    garbled = os.path.join(folder, 'garbled.pem')
    with open(garbled, 'w', encoding='ascii') as handle:
        handle.write('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
    locked, empty = os.path.join(folder, 'locked.pem'), os.path.join(folder, 'empty.pem')
    with open(empty, 'w', encoding='ascii'):
        pass
    openssl('ec', '-in', good.key, '-aes128', '-passout', 'pass:secret', '-out', locked)

    def pair(leaf):
        return [leaf.file, '--key', leaf.key]
    before = fingerprint(c)
    for what, words, said in (
            ('a key that does not fit', [good.file, '--key', other.key], 'key'),
            ('a key file without a key', [good.file, '--key', other.pem], 'no private key'),
            ('a key file that is empty', [good.file, '--key', empty], 'where: ' + empty),
            ('an encrypted key', [good.file, '--key', locked], '--password-file'),
            ('no certificate at all', ['/etc/hostname', '--key', good.key], 'certificate'),
            ('PEM that is broken', [garbled, '--key', good.key], 'certificate'),
            ('a certificate without the FQDN', pair(pki.leaf('nara.example.com', pki.root)), fqdn),
            ('one without the client purpose',
             pair(pki.leaf(fqdn, pki.root, purposes=['serverAuth'])), 'client'),
            ('one without the server purpose',
             pair(pki.leaf(fqdn, pki.root, purposes=['clientAuth'])), 'server'),
            ('an expired one', pair(pki.leaf(fqdn, pki.root, start=-9 * DAY, end=-DAY)),
             'expired'),
            ('one that is not valid yet', pair(pki.leaf(fqdn, pki.root, start=DAY, end=9 * DAY)),
             'not valid'),
            ('a weak key', pair(pki.leaf(fqdn, pki.root, key=1024)), 'weak'),
            ('a file that is not there', ['absent.pem'], 'absent.pem')):
        status, out = c.ils('cert', 'install', *words, '--now')
        tap.ok(status == 1 and said in c.error and re.search(r'^next: \S', c.error, re.M) and
               'where: ' in c.error and fingerprint(c) == before,
               '%s: named with the remedy, the old one stays' % what, out, c.error)
    status, _ = c.ils('trust', 'import', '/etc/hostname')
    tap.ok(status == 1 and 'where: /etc/hostname' in c.error, 'nothing to trust', c.error)
    expired = pki.leaf(fqdn, pki.root, start=-9 * DAY, end=-DAY)
    c.must('cert', 'install', *pair(expired), '--force', '--now')
    tap.same(fingerprint(c), expired.fingerprint(), 'control: --force takes an expired one')
    out = c.must('cert', 'show')
    tap.ok(' days ago)' in out and '(-' not in out, 'it ended so many days ago', out)


def japanese(c, *words):
    env = {k: v for k, v in c.env.items() if not k.startswith('LC_') and k != 'LANGUAGE'}
    run = subprocess.run(['ils', *words], env=dict(env, LANG='ja_JP.UTF-8'), timeout=60,
                         stdout=subprocess.PIPE, encoding='utf-8', check=False)
    return run.returncode, run.stdout


def refusal(net, pki):
    """B2, then B5: what is printed is compared, typed, and opens the way."""
    hub, spoke = tls_cluster(net, 'hub', hub=True), tls_cluster(net, 'osaka')
    where = '%s:%d' % (hub.address, hub.tls_port)
    status, out = spoke.ils('join', where)
    tap.ok(status == 1 and out.startswith('ILS-301 ') and fingerprint(hub) in out and
           'hub.example.com' in out and 'compare it by telephone' in out,
           'a refusal shows the fingerprint that `ils cert show` has at the other end', out)
    status, out = japanese(spoke, 'join', where)
    tap.ok(status == 1 and '証明書検証の失敗' in out and '自己署名' in out and
           '対処: こちら側で入力: ils trust import --verdict' in out, 'in Japanese', out)
    remedy = re.search(r'ils trust import --verdict [0-9a-f]{16}', out).group()
    status, out = spoke.shell(remedy)
    tap.ok(status == 0 and fingerprint(hub) in out, 'the remedy, typed', out)
    verdict = spoke.json('join', where)
    tap.same((verdict['code'], verdict['remedy_at']), ('ILS-301', 'there'),
             'then the other end refuses', verdict)
    state = hub.json('status')
    tap.same((state['health'], state['next']), ('degraded', verdict['remedy']),
             'whose status says what to type', state)
    status, out = hub.shell(verdict['remedy'])
    tap.ok(status == 0 and fingerprint(spoke) in out, 'its remedy, typed there', out)
    status, out = japanese(spoke, 'join', where)
    tap.ok(status == 0 and 'ILS-100 参加しました' in out and 'インポート済みの証明書' in out,
           'joins, and says by which rule', out)
    row = spoke.json('peers')[0]
    tap.ok(row['method'] == 'tls' and row['rule'] and
           row['certificate_fingerprint'] == fingerprint(hub), 'peers', row)
    table = spoke.must('peers') + japanese(spoke, 'peers')[1]
    tap.ok('its certificate, which was imported' in table and 'インポート済みの証明書' in table,
           'peers, as a table', table)
    back(spoke, where)
    trust(spoke, hub)
    renewal(hub, spoke)


def back(spoke, where):
    """Another host was typed, and nobody is there: what is typed to have the former hub again."""
    status, out = spoke.ils('join', '127.0.0.1:1')
    tap.ok(status == 1 and 'ILS-401' in out and out.endswith('to go back: ils join %s\n' % where),
           'the way back from a wrong host', out)
    status, out = spoke.shell(re.search('ils join .*', out).group())
    tap.ok(status == 0 and 'ILS-100' in out and spoke.json('status')['join']['up'],
           'and typed, it leads back', out)


def trust(spoke, hub):
    listed = spoke.must('trust', 'list')
    tap.ok(fingerprint(hub) in listed and 'hub.example.com' in listed, 'trust list', listed)
    short = fingerprint(hub).replace(':', '')[:8].lower()
    shown = spoke.must('trust', 'show', short)
    tap.ok('BEGIN CERTIFICATE' in shown and fingerprint(hub) in shown, 'trust show', shown)
    hub.must('trust', 'bundle', 'export', 'bundle.pem')
    out = spoke.must('trust', 'bundle', 'import', 'bundle.pem')
    tap.ok('OK: ' in out, 'a bundle from one cluster to another', out)


def renewal(hub, spoke):
    """The hub's new key is announced, waited for, used; then used at once while nobody hears."""
    old = fingerprint(hub)
    out = hub.must('cert', 'renew')
    new = fingerprint(hub)
    tap.ok(new != old and out.startswith('announced: ' + new) and 'OK: in use: ' + new in out,
           'cert renew waits until it is in use', out)
    tap.ok(wait_until(lambda: any(r['fingerprint'] == new
                                  for r in spoke.json('trust', 'list')['store'])),
           'the spoke has it without a hand')
    status, out = hub.ils('auth', 'ready', 'tls')
    tap.ok(status == 0 and '1 stay' in out, 'auth ready', out)
    spoke.stop()
    out = hub.must('cert', 'renew', '--no-wait')
    waiting = hub.json('cert', 'show')['next']['waiting']
    tap.ok(out.startswith('announced: ') and [n['cluster_id'] for n in waiting] == ['osaka'],
           'a neighbour that is down is waited for', out, waiting)
    out = hub.must('cert', 'now')
    tap.ok('cut off' in out and 'osaka' in out, 'cert now says who is cut off', out)


def refused_next(net, pki):
    """Who would refuse the next certificate is named with its code, not only waited for."""
    hub, spoke = tls_cluster(net, 'osumi', hub=True), tls_cluster(net, 'akita')
    spoke.must('join', hub.json('invite')['token'])
    wait_until(lambda: spoke.up_to_date('osumi'))
    leaf = pki.leaf('akita.example.com', start=-3 * DAY, end=-DAY)
    spoke.must('cert', 'install', leaf.file, '--key', leaf.key, '--force', '--no-wait')

    def codes():
        return [n['code'] for n in spoke.json('cert', 'show')['next']['waiting']]

    tap.ok(wait_until(lambda: codes() == ['ILS-303']), 'why a neighbour would refuse it', codes())
    out = spoke.must('cert', 'show')
    tap.ok('osumi (ILS-303)' in out, 'said in words as well', out)


def renamed(net):
    """Another name than that of the certificate is told, and the remedy typed helps."""
    c = tls_cluster(net, 'gifu', hub=True)
    c.must('describe', '--fqdn', 'gifu.example.net')
    status, out = c.ils('status')
    tap.ok(status == 1 and 'certificate of this cluster does not name gifu.example.net' in out and
           'next: ils cert renew --same-key' in out, 'a name that the certificate lacks', out)
    tap.ok('gifu.example.net がありません' in japanese(c, 'status')[1], 'in Japanese as well')
    c.must('cert', 'renew', '--same-key')
    tap.ok(c.ils('status')[0] == 0, 'the remedy helps')


def parted(net):
    """Only whose operator disconnected can connect: the other end is told so."""
    hub, spoke = tls_cluster(net, 'chiba', hub=True), tls_cluster(net, 'kochi')
    spoke.must('join', hub.json('invite')['token'])
    wait_until(lambda: spoke.up_to_date('chiba'))
    hub.must('disconnect', 'kochi')
    wait_until(lambda: spoke.ils('status')[0] == 1)
    out = spoke.ils('status')[1]
    tap.ok('next, at the other end: ils connect kochi' in out, 'who can connect again', out)
    hub.must('connect', 'kochi')
    tap.ok(wait_until(lambda: spoke.up_to_date('chiba') and spoke.ils('status')[0] == 0),
           'and typed there it helps', spoke.ils('status')[1])


def invites(net):
    hub, spoke, late = (tls_cluster(net, 'inviter', hub=True), tls_cluster(net, 'kobe'),
                        tls_cluster(net, 'nagoya'))
    invite = hub.json('invite', '--expires', '1h')
    tap.same((invite['addresses'], invite['fingerprint']),
             (['127.0.0.1:%d' % hub.tls_port], fingerprint(hub)), 'an invite')
    status, out = spoke.ils('join', invite['token'])
    tap.ok(status == 0 and out.startswith('ILS-100 '), 'ils join TOKEN', out, spoke.error)
    tap.ok([r['state'] for r in hub.json('invite', '--list')] == ['used'], 'invite --list')
    verdict = late.json('join', invite['token'])
    tap.same((late.status, verdict.get('code')), (1, 'ILS-207'), 'a used token', verdict)
    state = late.json('status')
    tap.ok(late.status == 1 and 'ILS-207' in state['cause'] and not state['join']['wanted'] and
           (state['next'], state['next_at']) == ('ils invite', 'there'),
           'then it has no hub, and its status says why', state)
    status, out = japanese(late, 'join', invite['token'])
    tap.ok(status == 1 and 'ILS-207' in out and '招待' in out, 'in Japanese', out)
    status, _ = late.ils('join', invite['token'][:-2])
    tap.ok(status == 1 and 'next: ' in late.error, 'a mangled token', late.error)
    second = hub.json('invite')
    hub.must('invite', '--remove', second['id'])
    verdict = late.json('join', second['token'])
    tap.same(verdict.get('code'), 'ILS-206', 'a token that was taken back', verdict)


def token_in_arguments(net):
    """Whoever looks at the processes of this host while the verdict is awaited sees no token."""
    hub, spoke = net.cluster('kyoto'), tls_cluster(net, 'otaru')
    hub.must('init', '--cluster-id', 'kyoto', '--fqdn', 'kyoto.example.com')
    hub.must('role', 'hub')
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen()
        address = '127.0.0.1:%d' % silent.getsockname()[1]
        token = hub.json('invite', '--address', address)['token']
        asking = subprocess.Popen([ILS, 'join', token], env=spoke.env, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        silent.accept()[0].close()
        with open('/proc/%d/cmdline' % asking.pid, encoding='utf-8') as handle:
            arguments = handle.read()
        asking.wait()
    tap.ok('join' in arguments and token[:20] not in arguments, 'the token is no argument',
           arguments)
    spoke.ils('join', token[3:])
    error = spoke.error
    said = json.dumps(spoke.json('audit')) + '\n'.join(spoke.trace_lines())
    tap.ok(token[30:50] not in said and 'is not whole' in error,
           'a token that lost its beginning is no host', error, said)


def main():
    with Network() as net:
        pki = Pki(os.path.join(net.folder, 'pki'))
        tap.run(own, net, pki)
        tap.run(refusal, net, pki)
        tap.run(refused_next, net, pki)
        tap.run(renamed, net)
        tap.run(parted, net)
        tap.run(invites, net)
        tap.run(token_in_arguments, net)
    tap.done()


main()
