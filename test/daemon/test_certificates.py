#!/usr/bin/env python3
"""Certificates, trust, invites, readiness and the live test, asked of real daemons through the
control socket (docs/control.md): what they answer, and that no secret is left anywhere."""
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
from harness import Network, Tap, wait_until  # noqa: E402

tap = Tap()
FINGERPRINT = re.compile(r'^([0-9A-F]{2}:){31}[0-9A-F]{2}$')


def whole(c, command, content=b'', **args):
    """All lines of the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(c.data, 'control.sock'))
        s.settimeout(60)
        line = {'command': command, 'args': args}
        if content:
            line['bytes'] = len(content)
        s.sendall(json.dumps(line).encode() + b'\n' + content)
        lines = []
        for text in s.makefile('r', encoding='utf-8'):
            lines.append(json.loads(text))
            if 'ok' in lines[-1]:
                return lines
    raise RuntimeError('no answer to ' + command)


def ask(c, command, content=b'', **args):
    return whole(c, command, content, **args)[-1]


def get(c, command, content=b'', **args):
    answer = ask(c, command, content, **args)
    if not answer['ok']:
        raise RuntimeError('%s: %s' % (command, answer['error']))
    return answer['result']


def wrong(c, name, code, *words, content=b'', command, **args):
    """Refused with that name, these words in the sentence, and a next step."""
    answer = ask(c, command, content, **args)
    error = answer.get('error', {})
    tap.ok(not answer['ok'] and error['name'] == code and error['next'] and
           all(w in error['text'] for w in words), name, answer)


def openssl(folder, *words, stdin=b''):
    done = subprocess.run(('openssl',) + words, input=stdin, cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError('openssl %s: %s' % (' '.join(words), done.stderr.decode()))
    return done.stdout


def begin(net, name, role=None):
    c = net.cluster(name)
    get(c, 'init', cluster_id=name, fqdn=name + '.example.com')
    if role:
        get(c, 'role', role=role)
    return c


def join(c, hub):
    return get(c, 'join', host='127.0.0.1', port=hub.tls_port, **{'as': 'spoke'})


def own(c):
    return get(c, 'cert show')['in_use']['fingerprint']


def everywhere(c):
    """All bytes that the daemon wrote for people: traces, output, audit."""
    found = c.said() + '\n'.join(c.trace_lines()) + json.dumps(c.trace_records())
    return found + json.dumps(get(c, 'audit')) + json.dumps(get(c, 'verdicts'))


# --- an invite, from its making to its end

def invites(net):
    hub, spoke, other = begin(net, 'ihub', 'hub'), begin(net, 'ispoke'), begin(net, 'iother')
    invite = get(hub, 'invite')
    token = invite['token']
    tap.ok(invite['addresses'] == ['127.0.0.1:%d' % hub.tls_port] and
           FINGERPRINT.match(invite['fingerprint']) and invite['fingerprint'] == own(hub),
           'an invite names address and fingerprint', invite)
    verdict = get(spoke, 'join', host=token)
    tap.same(verdict['code'], 'ILS-100', 'it joins in one command', verdict)
    named = wait_until(lambda: get(hub, 'invite list')[0]['by'] == 'ispoke')
    rows = get(hub, 'invite list')
    tap.ok(named and len(rows) == 1 and rows[0]['state'] == 'used', 'the list says who used it',
           rows)
    tap.same([t['fingerprint'] for t in get(hub, 'trust list')['store']], [own(spoke)],
             'the hub imported its certificate')
    tap.same([t['fingerprint'] for t in get(spoke, 'trust list')['store']], [own(hub)],
             'and it the hub\'s')
    verdict = get(other, 'join', host=token)
    tap.ok(verdict['code'] == 'ILS-207', 'used, it is worth nothing to another', verdict)
    secret = token.replace('-', '')[4:]
    for c in (hub, spoke, other):
        text = everywhere(c)
        tap.ok(token[:40] not in text and secret[20:50] not in text.replace('-', ''),
               '%s: the token is in no log' % c.name)
    tap.ok(any('(token)' in a['what'] for a in get(spoke, 'audit')),
           'control: the audit has the command')
    removed = get(hub, 'invite', expires=60)['id']
    get(hub, 'invite remove', id=removed)
    tap.ok(all(r['id'] != removed or r['state'] != 'open' for r in get(hub, 'invite list')),
           'one that was removed is not open')
    token_errors(hub, spoke, other, token)


def addresses(net):
    hub, spoke = begin(net, 'ahub', 'hub'), begin(net, 'aspoke')
    token = get(hub, 'invite', addresses=['nowhere.invalid', '127.0.0.1:1',
                                          '127.0.0.1:%d' % hub.tls_port])['token']
    verdict = get(spoke, 'join', host=token)
    tap.same(verdict['code'], 'ILS-100', 'all addresses of a token are tried', verdict)


def token_errors(hub, spoke, other, token):
    wrong(other, 'a mangled token', 'INVITE_MANGLED', 'not whole', command='join',
          host=token[:-3])
    wrong(other, 'a token of a later version', 'INVITE_VERSION', 'later version', command='join',
          host='ILS2' + token[4:])
    short = get(hub, 'invite', expires=1)['token']
    wait_until(lambda: get(hub, 'invite list')[-1]['state'] == 'expired' or
               any(r['state'] == 'expired' for r in get(hub, 'invite list')))
    wrong(other, 'an expired token', 'INVITE_EXPIRED', 'expired at', command='join', host=short)
    wrong(spoke, 'only a hub invites', 'NOT_HUB', command='invite')
    wrong(hub, 'an address that is none', 'SETTING', command='invite', addresses=['a b'])
    tap.same(get(hub, 'invite', addresses=['hub.example.com', '[::1]:99'])['addresses'],
             ['hub.example.com:%d' % hub.tls_port, '[::1]:99'], 'addresses as typed')


# --- imported by hand, renewed, cut off

def trust_and_renewal(net):
    hub, spoke = begin(net, 'thub', 'hub'), begin(net, 'tspoke')
    verdict = join(spoke, hub)
    tap.ok(verdict['code'] == 'ILS-301' and verdict['fingerprint'] == own(hub),
           'refused by its own end, with the fingerprint', verdict)
    done = get(spoke, 'trust import', verdict=verdict['verdict_id'])
    tap.same([i['fingerprint'] for i in done['imported']], [own(hub)], 'imported by the verdict')
    bundle = get(spoke, 'trust bundle export')
    tap.ok(bundle['count'] == 2 and '# SHA-256 ' + own(spoke) in bundle['pem'],
           'a bundle begins with one\'s own', bundle)
    done = get(hub, 'trust bundle import', bundle['pem'].encode())
    tap.same(sorted(i['fingerprint'] for i in done['imported']), sorted([own(hub), own(spoke)]),
             'the bundle at the other end')
    joined = wait_until(lambda: join(spoke, hub)['code'] == 'ILS-100')
    tap.ok(joined, 'joined by imported certificates')
    wait_until(lambda: get(hub, 'auth ready')['ready'])
    ready = ask(hub, 'auth ready', method='tls')
    tap.ok(ready['exit'] == 0 and [c['outcome'] for c in ready['result']['clusters']] == ['stays'],
           'ready for TLS', ready)
    ready = ask(hub, 'auth ready', method='tls+password')
    tap.ok(ready['exit'] == 1 and ready['result']['clusters'][0]['next'],
           'not ready for TLS with a password', ready)
    peers = get(spoke, 'peers')
    tap.ok(peers[0]['method'] == 'tls' and 'imported' in peers[0]['rule'] and
           peers[0]['certificate_fingerprint'] == own(hub) and peers[0]['certificate_ends'],
           'peers: how it was met', peers)
    status = get(spoke, 'status')
    tap.ok(status['certificate']['fingerprint'] == own(spoke) and status['listening']['tls'] and
           status['still_on_password'] == 0, 'status', status)
    renewal(hub, spoke)
    diagnose(hub, spoke)


def renewal(hub, spoke):
    before = own(hub)
    answer = get(hub, 'cert renew')
    after = answer['certificate']['fingerprint']
    tap.ok(before != after and not answer['cut_off'], 'renewed and announced', answer)
    tap.ok(wait_until(lambda: own(hub) == after), 'used when the neighbour has it')
    tap.ok(any(t['fingerprint'] == after and t['source'].startswith('announced by thub (')
               for t in get(spoke, 'trust list')['store']), 'which imported it by itself')
    spoke.stop()
    wait_until(lambda: not get(hub, 'clusters')[1]['linked'])
    answer = get(hub, 'cert renew')
    tap.ok(not answer['in_use'] and [w['cluster_id'] for w in answer['waiting']] == ['tspoke'],
           'it waits for who is away', answer)
    tap.ok(own(hub) == after and get(hub, 'cert show')['next']['waiting'], 'and shows that')
    answer = get(hub, 'cert now')
    tap.ok(answer['in_use'] and [w['cluster_id'] for w in answer['cut_off']] == ['tspoke'] and
           own(hub) == answer['certificate']['fingerprint'], 'now: who is cut off is named', answer)
    wrong(hub, 'nothing is announced', 'NEXT_MISSING', command='cert now')
    hub.restart()
    tap.ok(get(hub, 'status')['listening'] == {'tls': True, 'password': True},
           'both ports after a restart')
    spoke.start()
    last = wait_until(lambda: [v for v in get(spoke, 'verdicts') if v['code'] == 'ILS-301'])
    tap.ok(last, 'who was cut off says so')
    get(spoke, 'trust import', verdict=last[0]['verdict_id'])
    tap.ok(wait_until(lambda: get(spoke, 'status')['join']['up']), 'and is back after the import')


def third(folder):
    """A certificate of somebody else."""
    return openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                   '-nodes', '-keyout', 'third.key', '-subj', '/CN=third.example.com', '-days', '9')


def diagnose(hub, spoke):
    lines = whole(spoke, 'diagnose', target='127.0.0.1:%d' % hub.tls_port)
    steps = {s['step']: s for s in lines[-1]['result']['steps']}
    tap.ok(lines[-1]['exit'] == 0 and all(s['ok'] is not False for s in steps.values()) and
           {'resolve', 'tls', 'certificate', 'dates', 'hello', 'met'} <= set(steps),
           'a way that is well', lines[-1])
    tap.same([line['step'] for line in lines[:-1]], lines[-1]['result']['steps'],
             'each step comes as it is made')
    by_id = ask(spoke, 'diagnose', target='THUB')
    tap.ok(by_id['exit'] == 0 and by_id['result']['host'] == '127.0.0.1', 'by cluster id', by_id)
    print_ = get(hub, 'cert show')['in_use']['fingerprint']
    get(spoke, 'trust import', third(hub.net.folder))
    before = [t['fingerprint'] for t in get(spoke, 'trust list')['store']
              if t['subject'] == 'thub.example.com']
    removed = get(spoke, 'trust remove', fingerprint=print_[:23].lower())
    tap.ok(len(before) > 2 and removed['subject'] == 'thub.example.com' and
           sorted(o['fingerprint'] for o in removed['others']) == sorted(set(before) - {print_}) and
           all(o['next'] == 'ils trust remove ' + o['fingerprint'] for o in removed['others']) and
           any(o['source'].startswith('announced by thub (') for o in removed['others']),
           'what else of that cluster is in the store is named', before, removed)
    left = [o for o in removed['others'] if not o['source'].startswith('announced')][-1]
    out = spoke.must('trust', 'remove', left['fingerprint'])
    tap.ok(all('ils trust remove ' + o['fingerprint'] in out for o in removed['others']
               if o != left), 'in text too', out)
    for other in removed['others']:
        if other != left:
            last = get(spoke, 'trust remove', fingerprint=other['fingerprint'])
    tap.same((last['others'], last['text']), ([], 'removed'), 'and then nothing is left of it')
    bad = ask(spoke, 'diagnose', target='127.0.0.1:%d' % hub.tls_port)
    step = [s for s in bad['result']['steps'] if s['step'] == 'certificate'][0]
    tap.ok(bad['exit'] == 1 and step['ok'] is False and 'ILS-301' in step['text'] and
           print_ in step['text'] and step['next'] and step['next_at'] == 'here',
           'a certificate that does not pass', bad)
    bad = ask(hub, 'diagnose', target='127.0.0.1:%d' % hub.tls_port)
    step = [s for s in bad['result']['steps'] if s['step'] == 'certificate'][0]
    tap.ok(bad['exit'] == 1 and step['text'] == 'this cluster itself answers there',
           'whoever reaches itself is told so', bad)
    for target, name in (('nowhere.invalid', 'resolve'), ('127.0.0.1:1', 'tcp 1')):
        bad = ask(spoke, 'diagnose', target=target)
        first = [s for s in bad['result']['steps'] if s['ok'] is False]
        tap.ok(bad['exit'] == 1 and first[0]['step'] == name and first[0]['next'],
               'a way that ends at ' + name, bad)


# --- files

def files(net):
    c = begin(net, 'files', 'hub')
    folder = net.folder
    before = own(c)
    csr = get(c, 'cert csr', names=['10.0.0.9'])['pem']
    with open(os.path.join(folder, 'csr.pem'), 'w', encoding='ascii') as handle:
        handle.write(csr)
    openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
            '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA', '-days', '9')
    with open(os.path.join(folder, 'ext'), 'w', encoding='ascii') as handle:
        handle.write('subjectAltName=DNS:files.example.com,IP:10.0.0.9\n'
                     'extendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n')
    sign = ('x509', '-req', '-in', 'csr.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key',
            '-CAcreateserial', '-extfile', 'ext')
    signed = openssl(folder, *sign, '-days', '8')
    answer = get(c, 'cert install', signed, now=True)
    tap.ok(answer['in_use'] and not answer['certificate']['self_signed'] and
           '10.0.0.9' in answer['certificate']['names'] and own(c) != before,
           'the answer to a request is installed', answer)
    mine = own(c)
    ca = open(os.path.join(folder, 'ca.pem'), 'rb').read()
    ca_key = open(os.path.join(folder, 'ca.key'), 'rb').read()
    wrong(c, 'a certificate of another key', 'CERTIFICATE', 'fits the key', command='cert install',
          content=ca)
    wrong(c, 'no certificate', 'CERTIFICATE', 'no certificate', command='cert install',
          content=b'nonsense')
    wrong(c, 'without the name', 'CERTIFICATE', 'files.example.com', command='cert install',
          content=ca + ca_key, key_bytes=len(ca_key))
    wrong(c, 'no key in the key file', 'CERTIFICATE', 'no private key', command='cert install',
          content=signed + ca, key_bytes=len(ca))
    tap.same(own(c), mine, 'the old one stays in use')
    answer = get(c, 'trust import', ca + ca_key)
    tap.ok(len(answer['imported']) == 1 and answer['imported'][0]['authority'] and
           'private key' in answer['notes'][0], 'a key beside a certificate is ignored', answer)
    again = get(c, 'trust import', ca)
    tap.ok(not answer['imported'][0]['already'] and again['imported'][0]['already'] and
           again['text'] == '0 imported, 1 already there', 'and once more', again)
    shown = get(c, 'trust show', fingerprint=answer['imported'][0]['fingerprint'])
    tap.ok(shown['pem'].split() == ca.decode().split() and shown['in_store'] and
           not shown['in_refused'], 'shown as it came', shown)
    bundles(c, folder, signed)
    crls(c, folder)
    marks(net, folder, ca)
    wrong(c, 'a fingerprint that is none', 'TRUST_UNKNOWN', command='trust remove',
          fingerprint='zz')
    wrong(c, 'an empty file', 'CERTIFICATE', 'empty', command='trust import')
    wrong(c, 'an empty bundle', 'CERTIFICATE', 'empty', command='trust bundle import')


def crls(c, folder):
    """One that the authority of the trust store did not sign would un-revoke: it is refused."""
    openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
            '-nodes', '-keyout', 'false.key', '-out', 'false.pem', '-subj', '/CN=Test CA')
    with open(os.path.join(folder, 'crl.conf'), 'w', encoding='ascii') as handle:
        handle.write('[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\n')
    open(os.path.join(folder, 'index'), 'w', encoding='ascii').close()

    def crl(name):
        return openssl(folder, 'ca', '-gencrl', '-config', 'crl.conf', '-cert', name + '.pem',
                       '-keyfile', name + '.key', '-crldays', '7')

    before = len(get(c, 'trust list')['store'])
    wrong(c, 'a CRL that its authority did not sign', 'CERTIFICATE', 'CN=Test CA', 'not signed',
          command='trust import', content=crl('false'))
    wrong(c, 'nor in a bundle', 'CERTIFICATE', 'CN=Test CA', 'not signed',
          command='trust bundle import', content=crl('ca') + crl('false'))
    tap.same(len(get(c, 'trust list')['store']), before, 'nothing of it was taken')
    tap.same([i['kind'] for i in get(c, 'trust import', crl('ca'))['imported']], ['crl'],
             'control: one that it signed')


def marks(net, folder, ca):
    """Who calls itself an authority and came by a verdict is none at the other end of a bundle
    either; from a file, the operator said so."""
    openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
            '-nodes', '-keyout', 'gone.key', '-out', 'gone.pem', '-subj', '/CN=gone.example.com',
            '-addext', 'subjectAltName=DNS:gone.example.com', '-addext',
            'extendedKeyUsage=serverAuth,clientAuth', '-addext',
            'basicConstraints=critical,CA:TRUE', '-days', '9')
    key = open(os.path.join(folder, 'gone.key'), 'rb').read()
    cert = open(os.path.join(folder, 'gone.pem'), 'rb').read()
    hub, spoke, third = begin(net, 'gone', 'hub'), begin(net, 'bspoke'), begin(net, 'bthird', 'hub')
    get(hub, 'cert install', cert + key, key_bytes=len(key), now=True)
    get(spoke, 'trust import', verdict=join(spoke, hub)['verdict_id'])
    get(spoke, 'trust import', ca)

    def authorities(c):
        return sorted((t['subject'], t['authority']) for t in get(c, 'trust list')['store']
                      if 'gone' in t['subject'] or 'Test CA' in t['subject'])

    wanted = [('CN=Test CA', True), ('gone.example.com', False)]
    tap.same(authorities(spoke), wanted, 'by a verdict it stands for itself')
    bundle = get(spoke, 'trust bundle export')['pem']
    tap.same(bundle.count('# stands for itself\n'), 2, 'its own and that one are marked', bundle)
    done = get(third, 'trust bundle import', bundle.replace('\n', '\r\n').encode())
    tap.same(authorities(third), wanted, 'so it does where the bundle is imported')
    tap.same(sorted((i['subject'], i['authority']) for i in done['imported'])[-1],
             ('gone.example.com', False), 'and the answer says so')
    get(third, 'trust import', bundle.encode())
    tap.same(authorities(third), [(name, True) for name, _ in wanted],
             'a file of certificates is the operator\'s word')
    mine = get(hub, 'trust bundle export')['pem']
    get(spoke, 'trust bundle import', mine.encode())
    tap.same(authorities(spoke), wanted, 'who exports its own makes no authority of itself')


def bundles(c, folder, signed):
    """PKCS#12, and that its password is nowhere afterwards."""
    with open(os.path.join(folder, 'new.pem'), 'wb') as handle:
        handle.write(openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                             'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'new.key', '-subj',
                             '/CN=files.example.com', '-days', '9', '-addext',
                             'subjectAltName=DNS:files.example.com', '-addext',
                             'extendedKeyUsage=serverAuth,clientAuth', '-addext',
                             'basicConstraints=critical,CA:FALSE'))
    p12 = openssl(folder, 'pkcs12', '-export', '-in', 'new.pem', '-inkey', 'new.key', '-passout',
                  'pass:tell-nobody-77')
    wrong(c, 'PKCS#12 without its password', 'CERTIFICATE', 'password', command='cert install',
          content=p12)
    wrong(c, 'PKCS#12 with another password', 'CERTIFICATE', 'password', command='cert install',
          content=p12, password='something else')
    answer = get(c, 'cert install', p12, password='tell-nobody-77', now=True)
    tap.ok(answer['in_use'] and answer['certificate']['self_signed'], 'PKCS#12 is installed',
           answer)
    text = everywhere(c)
    key = open(os.path.join(folder, 'new.key'), encoding='ascii').read().split()[3][:40]
    tap.ok('tell-nobody-77' not in text and 'something else' not in text and key not in text and
           any(a['what'].startswith('cert install') for a in get(c, 'audit')),
           'neither password nor key is in a log')


# --- accepting

def accept(net):
    c = begin(net, 'accept', 'hub')
    for words, wanted in (([], ['tls']), (['+password'], ['password', 'tls']),
                          (['-tls', '+tls+password'], ['password', 'tls+password']),
                          (['password'], ['password'])):
        if words:
            get(c, 'auth set', accept=words)
        tap.same(get(c, 'auth show')['accept'], wanted, 'accept %s' % ' '.join(words))
    wrong(c, 'nothing would be accepted', 'SETTING', 'nothing', command='auth set',
          accept=['-password'])
    wrong(c, 'no such method', 'SETTING', 'tls+password', command='auth set', accept=['+magic'])


# --- without certificates, and with a name of one's own

def plain(net):
    hub = net.cluster('phub', advertise='192.0.2.7:9501').hub(password='one', accept='password')
    tap.ok('192.0.2.7' in get(hub, 'cert show')['in_use']['names'],
           'what is advertised is in the certificate', get(hub, 'cert show'))
    spoke = net.cluster('pspoke').init(password='one')
    target = '127.0.0.1:%d' % hub.port
    well = ask(spoke, 'diagnose', target=target)
    steps = {s['step']: s for s in well['result']['steps']}
    tap.ok(well['exit'] == 0 and steps['hello']['ok'] and steps['password']['ok'] and
           steps['proof']['ok'], 'a way by the password is well, and both hold the same', well)
    spoke.must('password', 'add', '--stdin', stdin='another\n')
    bad = ask(spoke, 'diagnose', target=target)
    proof = [s for s in bad['result']['steps'] if s['step'] == 'proof'][0]
    tap.ok(bad['exit'] == 1 and proof['ok'] is False and 'ILS-201' in proof['text'] and
           'password add' in proof['next'], 'another password does not prove', proof)
    spoke.must('password', 'add', '--stdin', stdin='one\n')
    spoke.must('password', 'add', '--generation', '7', '--stdin', stdin='seven\n')
    spoke.must('password', 'prefer', '7')
    bad = ask(spoke, 'diagnose', target=target)
    hello = [s for s in bad['result']['steps'] if s['step'] == 'hello'][0]
    tap.ok(bad['exit'] == 1 and 'ILS-204' in hello['text'] and '7' in hello['next'] and
           hello['next_at'] == 'there',
           'a generation that is not held there', hello)
    spoke.must('auth', 'set', '--tls', 'on', '--password', 'off')
    bad = ask(spoke, 'diagnose', target='127.0.0.1:%d' % hub.tls_port)
    tap.ok(bad['exit'] == 1 and any(s['ok'] is False for s in bad['result']['steps']),
           'TLS where it is not accepted', bad)


# --- data of an older version has no certificate

def older(net):
    c = begin(net, 'older', 'hub')
    before = own(c)
    c.stop()
    with closing(sqlite3.connect(os.path.join(c.data, 'ilsd.db'), isolation_level=None)) as db:
        tables = [row[0] for row in db.execute('select name from sqlite_master where type="table"')]
        gone = sum(db.execute('delete from "%s" where cast(key as text) like "certificate%%"' %
                              t).rowcount for t in tables if 'setting' in t)
    tap.ok(gone > 0, 'control: the rows are gone', tables)
    c.start()
    tap.ok(wait_until(lambda: get(c, 'status')['listening']['tls']) and own(c) != before,
           'a certificate is made at the start')


with Network() as network:
    for part in (invites, addresses, trust_and_renewal, files, accept, plain, older):
        tap.run(part, network)
tap.done()
