#!/usr/bin/env python3
"""Certificates, trust, invites and readiness as typed: what is asked of ilsd, what is said of its
answer, and the bad input that ils itself refuses."""
import json
import os
import signal
import subprocess
import time

from fake import ILS, Answer, Fake
from harness import Tap, wait_until

FINGERPRINT = ':'.join('%02X' % n for n in range(32))
OTHER = ':'.join('%02X' % n for n in range(32, 64))
tap = Tap()


def cert(fingerprint=FINGERPRINT):
    return {'subject': 'ils.tokyo.example.com', 'names': ['ils.tokyo.example.com', '10.0.0.7'],
            'fingerprint': fingerprint, 'issuer': 'self-signed', 'self_signed': True,
            'not_before': '2026-01-01T00:00:00.000Z', 'not_after': '2031-01-01T00:00:00.000Z',
            'days_left': 1500, 'chain': 0}


def neighbour(name, linked=True):
    return {'cluster_id': name, 'fqdn': name + '.example.com', 'peer_id': '00', 'linked': linked,
            'last_contact_time': None}


def installed(used, waiting=(), cut_off=()):
    return {'certificate': cert(), 'in_use': used, 'waiting': list(waiting),
            'cut_off': list(cut_off), 'notes': ['a note'], 'text': 'OK'}


def write(fake, name, content):
    with open(os.path.join(fake.data, name), 'wb') as handle:
        handle.write(content)
    return name


class Waits:
    """`cert show` of a cluster that waits for fewer and fewer neighbours, then switches."""

    def __init__(self, *lists):
        self.lists, self.asked = list(lists), 0

    def __call__(self, request):
        self.asked += 1
        if not self.lists:
            return {'in_use': cert(), 'next': None}
        waiting = self.lists.pop(0) if len(self.lists) > 1 or self.lists[0] != 'for ever' else []
        if waiting == 'for ever':
            waiting = [neighbour('osaka')]
        return {'in_use': cert(OTHER), 'next': dict(cert(), waiting=waiting)}


def show(fake):
    fake.answers['cert show'] = {'in_use': cert(), 'next': None}
    status, out, _ = fake.ils('cert', 'show')
    tap.ok(status == 0 and FINGERPRINT in out and '10.0.0.7' in out and '1500 days left' in out,
           'cert show: fingerprint, names, days', out)
    fake.answers['cert show'] = {'in_use': cert(), 'next': dict(
        cert(OTHER), waiting=[neighbour('osaka'), neighbour('nara', False)])}
    out = fake.ils('cert', 'show')[1]
    tap.ok(OTHER in out and 'osaka, nara (not linked)' in out, 'cert show: the next one', out)
    fake.answers['cert csr'] = {'pem': 'PEM\n'}
    tap.same(fake.ils('cert', 'csr', '--name', 'a', 'b')[1], 'PEM\n', 'cert csr prints')
    tap.same(fake.asked[-1]['args'], {'names': ['a', 'b']}, 'cert csr names')
    status, out, _ = fake.ils('cert', 'csr', '--out', 'x.csr')
    with open(os.path.join(fake.data, 'x.csr'), encoding='ascii') as handle:
        tap.same((status, handle.read()), (0, 'PEM\n'), 'cert csr --out writes')
    status, _, err = fake.ils('cert', 'csr', '--out', 'x.csr')
    tap.ok(status == 1 and 'exists' in err and 'where: x.csr' in err,
           'and never over a file', err)


def install(fake):
    write(fake, 'c.pem', b'CERT\0\xff')
    write(fake, 'k.pem', b'KEY')
    write(fake, 'pw', b'secret\nmore\n')
    fake.answers['cert install'] = installed(True)
    status, out, _ = fake.ils('cert', 'install', 'c.pem', '--key', 'k.pem', '--password-file', 'pw',
                              '--force', '--now')
    asked = fake.asked[-1]
    tap.same((status, asked['content']), (0, b'CERT\0\xffKEY'), 'cert install: both files')
    tap.same(asked['args'], {'key_bytes': 3, 'password': 'secret', 'force': True, 'now': True},
             'cert install: arguments')
    tap.ok('OK: in use: ' + FINGERPRINT in out and 'note: a note' in out, 'and its answer', out)
    fake.ils('cert', 'install', '-', stdin=b'FROM STDIN')
    tap.same(fake.asked[-1]['content'], b'FROM STDIN', 'cert install -')
    fake.answers['cert install'] = installed(True, cut_off=[neighbour('osaka', False)])
    out = fake.ils('cert', 'install', 'c.pem', '--now')[1]
    tap.ok('cut off, for they do not have it: osaka (not linked)' in out,
           '--now says who is cut off', out)
    fake.answers['cert install'] = Answer(status=1, error={
        'name': 'CERTIFICATE', 'text': 'a password is needed',
        'next': 'ils cert install FILE --password-file FILE'})
    status, _, err = fake.ils('cert', 'install', 'c.pem')
    tap.ok(status == 1 and 'where: c.pem' in err and
           'next: ils cert install c.pem --password-file FILE' in err,
           'a refusal names the file, the remedy too', err)


def wait(fake):
    fake.answers['cert renew'] = installed(False, [neighbour('osaka'), neighbour('nara')])
    fake.answers['cert show'] = Waits([neighbour('osaka'), neighbour('nara')],
                                      [neighbour('osaka'), neighbour('nara')],
                                      [neighbour('nara')], [])
    status, out, err = fake.ils('cert', 'renew', '--same-key', '--days', '30')
    tap.same(status, 0, 'cert renew waits', out, err)
    tap.same(next(r for r in fake.asked if r['command'] == 'cert renew')['args'],
             {'same_key': True, 'days': 30}, 'cert renew: arguments')
    tap.same(err, 'waiting for osaka, nara\nwaiting for nara\n', 'a line for each change')
    tap.ok(out.startswith('announced: ' + FINGERPRINT) and
           out.endswith('OK: in use: %s\n' % FINGERPRINT), 'announced, then in use', out)
    fake.answers['cert show'] = Waits([neighbour('osaka')], [])
    answer = json.loads(fake.ils('cert', 'renew', '--json')[1])
    tap.same((answer['in_use'], answer['waiting']), (True, []), 'with --json it waits as well')
    fake.answers['cert show'] = Waits('for ever')
    tap.same(fake.ils('cert', 'renew', '--no-wait')[0], 0, '--no-wait')
    fake.answers['cert show'] = {'in_use': cert(OTHER), 'next': None}
    status, _, err = fake.ils('cert', 'renew')
    tap.ok(status == 1 and 'another certificate' in err, 'overtaken by another', err)


def interrupt(fake):
    waits = fake.answers['cert show'] = Waits('for ever')
    child = fake.start('cert', 'renew')
    wait_until(lambda: waits.asked >= 2)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    tap.ok(child.returncode == 1 and 'stays announced' in err and 'ils cert show' in err,
           'Ctrl-C says that it stays announced', err)


def trust(fake):
    write(fake, 'ca.pem', b'CA')
    row = {'fingerprint': FINGERPRINT, 'kind': 'certificate', 'subject': 'Example CA',
           'authority': True, 'not_after': None}
    fake.answers['trust import'] = {'imported': [row], 'notes': [], 'text': 'OK'}
    status, out, _ = fake.ils('trust', 'import', 'ca.pem')
    tap.ok(status == 0 and fake.asked[-1]['content'] == b'CA' and FINGERPRINT in out,
           'trust import FILE', out)
    fake.answers['trust import'] = {'imported': [dict(row, already=True)], 'notes': []}
    out = fake.ils('trust', 'import', 'ca.pem')[1]
    tap.ok('Example CA (already there)\nOK: already there' in out, 'and once more', out)
    fake.ils('trust', 'import', '--verdict', '0123456789abcdef')
    tap.same(fake.asked[-1]['args'], {'verdict': '0123456789abcdef'}, 'trust import --verdict')
    fake.answers['trust list'] = {'store': [dict(row, added=None, source='import', days_left=9)],
                                  'refused': [dict(row, fingerprint=OTHER, code='ILS-301',
                                                   verdict_id='ab', next='ils trust import X')]}
    out = fake.ils('trust', 'list')[1]
    tap.ok(FINGERPRINT in out and OTHER in out and 'ils trust import X' in out, 'trust list', out)
    fake.answers['trust show'] = dict(row, names=['a', 'b'], pem='PEM\n', in_store=True)
    out = fake.ils('trust', 'show', '0001')[1]
    tap.ok(fake.asked[-1]['args'] == {'fingerprint': '0001'} and out.endswith('PEM\n'),
           'trust show', out)
    fake.answers['trust remove'] = {'removed': FINGERPRINT, 'subject': 'Example CA', 'text': 'OK'}
    tap.same(fake.ils('trust', 'remove', '0001')[1], 'OK: removed %s Example CA\n' % FINGERPRINT,
             'trust remove')
    fake.answers['trust remove']['others'] = [{'fingerprint': OTHER, 'subject': 'b.example.com',
                                               'next': 'ils trust remove ' + OTHER}]
    tap.ok(fake.ils('trust', 'remove', '0001')[1].endswith(
        'the trust store also holds b.example.com of the same cluster\n'
        'next: ils trust remove %s\n' % OTHER), 'and what else of it is believed')
    fake.answers['trust bundle export'] = {'pem': 'BUNDLE\n', 'count': 1}
    tap.same(fake.ils('trust', 'bundle', 'export')[1], 'BUNDLE\n', 'trust bundle export')
    fake.ils('trust', 'bundle', 'export', 'b.pem')
    fake.answers['trust bundle import'] = fake.answers['trust import']
    fake.ils('trust', 'bundle', 'import', 'b.pem')
    tap.same(fake.asked[-1]['content'], b'BUNDLE\n', 'from one cluster to another')


def invite(fake):
    fake.answers['invite'] = {'token': 'ILS1-ABC', 'id': '00', 'expires': None,
                              'addresses': ['a:7501', 'b:7501'], 'fingerprint': FINGERPRINT,
                              'text': 'OK'}
    out = fake.ils('invite')[1]
    tap.ok(out.startswith('ILS1-ABC\n') and 'a:7501, b:7501' in out and FINGERPRINT in out,
           'invite prints the token', out)
    for text, seconds in (('90s', 90), ('15m', 900), ('24h', 86400), ('7d', 604800)):
        fake.ils('invite', '--expires', text)
        tap.same(fake.asked[-1]['args'], {'expires': seconds}, 'invite --expires ' + text)
    for text in ('0', '3', '90', 'h', '-1h', '1y', '1h1', '9' * 20 + 'h', ''):
        status, _, err = fake.ils('invite', '--expires=' + text)
        tap.ok(status == 64 and 'unit s, m, h or d' in err, 'no span of time: %r' % text, err)
    fake.ils('invite', '--address', 'hub.example.com', '10.0.0.7:7501')
    tap.same(fake.asked[-1]['args'], {'addresses': ['hub.example.com', '10.0.0.7:7501']},
             'invite --address')
    fake.answers['invite list'] = [{'id': '00ff', 'made': None, 'expires': None, 'state': 'open',
                                    'failures': 0, 'by': None}]
    tap.ok('00ff' in fake.ils('invite', '--list')[1], 'invite --list')
    fake.ils('invite', '--remove', '00ff')
    tap.same((fake.asked[-1]['command'], fake.asked[-1]['args']),
             ('invite remove', {'id': '00ff'}), 'invite --remove')
    token = 'ILS1-' + 'ABCDEFGH-' * 9 + 'ABCDEFGH'
    fake.answers['join'] = {'waiting': True, 'text': ''}
    fake.ils('join', token, '--no-wait')
    tap.same(fake.asked[-1]['args'], {'host': token, 'wait': False}, 'join TOKEN')


def auth(fake):
    fake.ils('auth', 'set', '--accept', '+tls', '-password', 'tls+password')
    tap.same(fake.asked[-1]['args'], {'accept': ['+tls', '-password', 'tls+password']},
             'auth set --accept +METHOD -METHOD')
    status, _, err = fake.ils('auth', 'set', '--accept', '+tlss')
    tap.ok(status == 64 and "did you mean 'tls'" in err, 'no such method', err)
    ready = {'method': 'tls', 'ready': False, 'stay': 1, 'cut_off': 1, 'unknown': 0, 'clusters': [
        {'cluster_id': 'osaka', 'fqdn': 'o', 'outcome': 'stays', 'why': 'an invite',
         'code_here': 'ILS-100', 'code_there': 'ILS-100', 'next': None, 'next_at': 'here'},
        {'cluster_id': 'nara', 'fqdn': 'n', 'outcome': 'cut off', 'why': 'because',
         'code_here': 'ILS-301', 'code_there': None, 'next': 'ils cert show', 'next_at': 'there'}]}
    fake.answers['auth ready'] = Answer(ready, status=1)
    status, out, _ = fake.ils('auth', 'ready', 'tls')
    tap.ok(status == 1 and 'with tls: 1 stay, 1 would be cut off, 0 unknown' in out and
           'nara: type at the other end: ils cert show' in out, 'auth ready', out)
    out = fake.ils('auth', 'ready', 'tls', lang='ja_JP.UTF-8')[1]
    tap.ok('接続を維持' in out and 'nara: 相手側で入力: ils cert show' in out, 'in Japanese', out)
    tap.same(fake.ils('auth', 'ready', 'password')[0], 64, 'auth ready wants a TLS method')
    fake.answers['peers'] = [{'cluster_id': 'osaka', 'method': 'tls',
                              'rule': 'accepted by an invite',
                              'certificate_name': 'ils.osaka', 'certificate_ends': '2031'}]
    out = fake.ils('peers')[1]
    tap.ok('an invite' in out and 'ils.osaka' in out and '2031' in out, 'peers', out)


def refusal(fake):
    v = {'verdict_id': 'ab', 'code': 'ILS-301', 'cause': 'c', 'evidence': 'e', 'told': False,
         'remedy': 'ils trust import --verdict ab', 'remedy_at': 'here', 'address': 'a:1',
         'certificate_name': 'ils.osaka', 'fingerprint': FINGERPRINT}
    fake.answers['join'] = Answer(v, status=1)
    lines = fake.ils('join', 'a')[1].splitlines()
    tap.same(lines[2:6], ['certificate: ils.osaka', 'fingerprint: ' + FINGERPRINT,
                          'compare it by telephone with `ils cert show` at the other end',
                          'remedy: type at this end: ils trust import --verdict ab'],
             'the certificate stands before the remedy')
    fake.answers['join'] = Answer(dict(v, remedy_at='there'), status=1)
    out = fake.ils('join', 'a')[1]
    tap.ok('at the other end: ils trust' in out and "it is this end's own" in out,
           'and is one\'s own where the other end refused', out)
    fake.answers['join'] = Answer(dict(v, code='ILS-201', remedy='ils status'), status=1)
    tap.ok('telephone' not in fake.ils('join', 'a')[1], 'only where it is about a certificate')
    fake.answers['join'] = Answer(dict(v, code='ILS-303', remedy_at='there',
                                       remedy='ils cert renew --same-key --now'), status=1)
    tap.ok('telephone' not in fake.ils('join', 'a')[1], 'that is to be believed')


def wrong_host(fake):
    """A linked spoke typed another host: it has its link still, and is told the way back."""
    states = []
    fake.answers['status'] = lambda request: states.pop(0)

    def begin(up, linked):
        states[:] = [{'join': {'wanted': True, 'hub': '::1', 'hub_port': 7501, 'up': up},
                      'clusters_linked': linked},
                     {'join': {'wanted': True, 'hub': 'a', 'hub_port': 0, 'up': False},
                      'clusters_linked': linked}]
    begin(True, 1)
    refused = {'verdict_id': 'ab', 'code': 'ILS-406', 'cause': 'c', 'remedy': ''}
    fake.answers['join'] = Answer(refused, status=1)
    out = fake.ils('join', 'a')[1]
    tap.ok(out.endswith('stays for now\nto go back: ils join [::1]:7501\n') and
           'a is dialled from now on' in out, 'the way back', out)
    begin(False, 0)
    out = fake.ils('join', 'a')[1]
    tap.ok(out.endswith('note: a is dialled from now on, and not [::1]:7501 any more\n'
                        'to go back: ils join [::1]:7501\n'),
           'likewise where the former hub was away just then', out)
    begin(False, 0)
    answer = json.loads(fake.ils('join', 'a', '--json')[1])
    tap.ok(answer['former'] == '[::1]:7501', 'and for programs', answer)
    del fake.answers['status']

    def slow(request):
        time.sleep(1.1)
        return Answer(dict(refused, code='ILS-201'), status=1)
    fake.answers['join'] = slow
    out = fake.ils('join', 'a')[1]
    tap.ok('note: it took 1.' in out or 'note: it took 2.' in out, 'held: it says so', out)
    tap.ok('go back' not in out, 'and nothing of a way back without a hub', out)
    terminal, other = os.openpty()
    subprocess.run([ILS, 'join', 'a'], env=fake.environment(), stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=other, check=False, timeout=30)
    os.close(other)
    said = os.read(terminal, 1000).decode()
    os.close(terminal)
    tap.same(said, 'waiting for the verdict ...\r\033[K', 'said on a terminal, then taken away')


def bad_input(fake):
    write(fake, 'large', bytes(1024 * 1024 + 1))
    write(fake, 'latin', b'\xe9\n')
    write(fake, 'good', b'x')
    asked = len(fake.asked)
    for words, status, said in (
            (('cert', 'install', 'absent'), 1, 'where: absent'),
            (('cert', 'install', '.'), 1, 'where: .'),
            (('cert', 'install', 'large'), 1, 'larger than'),
            (('cert', 'install', 'good', '--key', 'absent'), 1, 'where: absent'),
            (('cert', 'install', 'good', '--password-file', 'absent'), 1, 'where: absent'),
            (('cert', 'install', 'good', '--password-file', 'latin'), 1, 'not UTF-8'),
            (('cert', 'install', '-', '--key', '-'), 64, 'one file only'),
            (('cert', 'install'), 64, 'wants'),
            (('cert', 'renew', '--days', 'many'), 64, 'no number'),
            (('trust', 'import'), 64, '--verdict ID'),
            (('trust', 'import', 'good', '--verdict', '00'), 64, '--verdict ID'),
            (('trust', 'import', '--verdict', '00', '--password-file', 'good'), 64, 'FILE'),
            (('trust', 'import', '-', '--password-file', '-'), 64, 'one file only'),
            (('trust', 'import', 'absent'), 1, 'where: absent'),
            (('trust', 'bundle', 'import', 'absent'), 1, 'where: absent'),
            (('invite', '--list', '--remove', '00'), 64, 'stand alone')):
        got, _, err = fake.ils(*words)
        tap.ok(got == status and said in err and 'next: ils ' in err,
               'ils %s: named, with the remedy' % ' '.join(words), got, err)
    tap.same(len(fake.asked), asked, 'and ilsd was not asked')


def diagnose(fake):
    """Words beside the ids: what to search for in the other trace, and the rows that look alike."""
    dialled = (b'00000001.000 |10:00:00.000 |AppInfo |IlsD Ils::ConnectReq(): Requesting '
               b'Connection to IpAddr(10.0.0.5), IpPort(7501), TLSReq(t)\n')
    refused = (b'00000002.000 |10:00:00.100 |AppInfo |[1, 600, 17, 3]: HandleSSLError - '
               b'Certificate verification failed:(Verification error:18)- self signed '
               b'certificate for 10.0.0.5:7501\n')
    write(fake, 'SDL.txt', dialled)
    out = fake.ils('diagnose', 'SDL.txt')[1]
    tap.ok('T15 "HandleSSLError - Certificate verification failed", '
           'T20 "certificate is not in the local store"' in out, 'the lines to look for', out)
    write(fake, 'SDL.txt', dialled + refused)
    for lang, words in (('C', 'C3: the hub\'s certificate is self-signed'),
                        ('ja_JP.UTF-8', 'C3: ハブの証明書が自己署名')):
        out = fake.ils('diagnose', 'SDL.txt', lang=lang)[1]
        tap.ok(words in out, 'rows with their words, LANG=%s' % lang, out)
        found = json.loads(fake.ils('diagnose', '--json', 'SDL.txt', lang=lang)[1])
        tap.ok('C3' in found['attempts'][0]['same'], 'and --json has ids', found)
    os.mkdir(os.path.join(fake.data, 'empty'))
    status, _, err = fake.ils('diagnose', 'empty')
    tap.ok(status == 1 and 'where: empty' in err and 'next: ils diagnose FILE' in err,
           'a directory without traces: what next', err)


def main():
    with Fake() as fake:
        for part in (show, install, wait, interrupt, trust, invite, auth, refusal, bad_input,
                     diagnose, wrong_host):
            tap.run(part, fake)
    tap.done()


main()
