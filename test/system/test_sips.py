#!/usr/bin/env python3
"""The SIP door over TLS: the same answers as over UDP, to sipp and baresip as well; with which
certificate, for whom; and what strangers and half-hearted clients get there."""
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import threading

from harness import Network, Tap, free_port, wait_until
from kill import invite
from phone import Baresip
from pki import Pki

tap = Tap()

SIPP = '''<?xml version="1.0" encoding="UTF-8"?>
<scenario name="asker">
  <send><![CDATA[

INVITE sip:2001@[remote_ip]:[remote_port];transport=tls SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:1001@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:2001@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:1001@[local_ip]:[local_port];transport=tls>
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <recv response="302"></recv>
  <send><![CDATA[

ACK sip:2001@[remote_ip]:[remote_port];transport=tls SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:1001@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:2001@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

  ]]></send>
</scenario>
'''


def message(number, serial=1, length='Content-Length: 0\r\n'):
    return ('INVITE sips:%s@h SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z%s\r\n'
            'Max-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: %s\r\n'
            'CSeq: 1 INVITE\r\n%s\r\n' % (number, serial, serial, length)).encode()


def context(version=None, alpn=(), own=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if version is not None:
        c.minimum_version = c.maximum_version = version
    if alpn:
        c.set_alpn_protocols(list(alpn))
    if own is not None:
        c.load_cert_chain(own.file, own.key)
    return c


def connect(c, **how):
    return context(**how).wrap_socket(socket.create_connection(('127.0.0.1', c.sips_port), 20))


def replies(s, n=1):
    text = b''
    while text.count(b'\r\n\r\n') < n:
        part = s.recv(65536)
        if not part:
            break
        text += part
    return text


def asked(c, number='2001', **how):
    """The reply; what is refused is empty."""
    try:
        with connect(c, **how) as s:
            s.sendall(message(number))
            return replies(s).decode()
    except OSError:
        return ''


def shown(c):
    with connect(c) as s:
        return hashlib.sha256(s.getpeercert(True)).hexdigest()


def own_certificate(c):
    return c.json('cert', 'show')['in_use']['fingerprint'].replace(':', '').lower()


def door(c):
    return next(row for row in c.json('door', 'list') if row['door'] == 'sips')


def opened(net):
    """A door that was wanted before there was a certificate."""
    tokyo = net.cluster('tokyo', start=False)
    tokyo.sips_port = free_port()
    tokyo.options = ['--sips-port', str(tokyo.sips_port)]
    tokyo.start()
    row = door(tokyo)
    tap.ok(row['state'] == 'failed' and row['error'] == 'this cluster has no certificate yet',
           'before there is a certificate it is closed', row)
    tokyo.hub('secret')
    tap.ok(wait_until(lambda: door(tokyo)['state'] == 'open'), 'and opens by itself', tokyo.said())
    tap.same(shown(tokyo), own_certificate(tokyo), 'it shows that of the cluster')
    osaka = net.cluster('osaka').init('secret')
    osaka.join(tokyo)
    osaka.must('plan', 'add', 'ENTERPRISE', '2001')
    tokyo.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.5:5080;transport=tls')
    tap.ok(wait_until(lambda: (tokyo.json('lookup', '2001')['match'])), 'the entry has come')
    return tokyo


def answers(c):
    text = asked(c)
    tap.ok(text.startswith('SIP/2.0 302 ') and
           'Contact: <sip:2001@10.0.0.5:5080;transport=tls>;q=1\r\n' in text, 'a redirect', text)
    status, header = invite(('127.0.0.1', c.sip_port), '2001')
    tap.ok(status == 302 and 'transport=tls' in str(header), 'as over UDP', header)
    tap.ok(asked(c, '999').startswith('SIP/2.0 404 '), 'nobody has it')
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        tap.ok('302' in asked(c, version=version), 'by %s' % version.name)
    tap.ok('302' in asked(c, alpn=['sip/2']), 'who names sip/2')
    tap.same(asked(c, alpn=['http/1.1', 'ils/1']), '', 'who wants another protocol is refused')
    with connect(c) as s:
        many = 300
        s.sendall(b''.join(message('2001', i) for i in range(many)))
        text = replies(s, many)
        tap.ok([text.index(b'Call-ID: %d\r' % i) for i in range(many)] and
               text.count(b'SIP/2.0 302 ') == many, 'many at once, in their order')
        for byte in message('2001', 'slow'):
            s.sendall(bytes([byte]))
        tap.ok(b'Call-ID: slow\r' in replies(s), 'byte by byte, a record each')
        s.sendall(b'\r\n\r\n')
        tap.same(s.recv(100), b'\r\n', 'a sign of life')


def route_string(c):
    c.must('door', 'set', 'sips', '--send-route-string', 'on')
    line = 'X-cisco-dest-route-string: <sip:osaka.example.com>\r\n'
    tap.ok(line in asked(c), 'the route string of the entry is said')
    c.must('door', 'set', 'sips', '--send-route-string', 'off')
    tap.ok(line not in asked(c) and '302' in asked(c), 'control: and not any more')


def sipp(c, folder):
    if shutil.which('sipp') is None:
        tap.skip('sipp asks over TLS', 'sip-tester is not installed')
        return
    made = Pki(os.path.join(folder, 'sipp')).leaf('sipp.example.com')
    path = os.path.join(folder, 'asker.xml')
    with open(path, 'w', encoding='ascii') as handle:
        handle.write(SIPP)
    for transport in ('l1', 'ln'):
        before = door(c)['counts']['redirects']
        done = subprocess.run(
            ['sipp', '-sf', path, '-t', transport, '-m', '50', '-r', '50', '-l', '10', '-i',
             '127.0.0.1', '-tls_cert', made.file, '-tls_key', made.key, '-nostdin',
             '-recv_timeout', '20000', '127.0.0.1:%d' % c.sips_port], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=100, check=False)
        text = done.stdout.decode(errors='replace')
        if 'must compile SIPp with OpenSSL' in text:
            tap.skip('sipp -t %s' % transport, 'this sipp has no TLS')
            continue
        tap.ok(done.returncode == 0 and door(c)['counts']['redirects'] - before >= 50,
               'sipp -t %s: 50 calls' % transport, text[-1500:])


class Busy:
    """A callee by TLS that is always busy; `asked` is the first line of what came."""

    def __init__(self, folder):
        made = Pki(os.path.join(folder, 'busy')).leaf('callee.example.com')
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(made.file, made.key)
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.socket.settimeout(60)
        self.port = self.socket.getsockname()[1]
        self.asked = ''
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self):
        try:
            with self.tls.wrap_socket(self.socket.accept()[0], server_side=True) as s:
                text = replies(s).decode()
                self.asked = text.split('\r\n')[0]
                kept = [line for line in text.split('\r\n')
                        if line.split(':')[0] in ('Via', 'From', 'To', 'Call-ID', 'CSeq')]
                s.sendall(('SIP/2.0 486 Busy Here\r\n%s\r\nContent-Length: 0\r\n\r\n' %
                           '\r\n'.join(kept)).encode())
                s.recv(65536)
        except OSError:
            pass


def baresip(c, net):
    """A telephone asks by TLS, and follows the answer by TLS."""
    if not shutil.which('baresip'):
        tap.skip('baresip asks over TLS', 'not installed: baresip-core')
        return
    busy = Busy(net.folder)
    before = door(c)['counts']['redirects']
    c.must('route', 'remove', 'osaka.example.com', 'sip:10.0.0.5:5080;transport=tls')
    c.must('route', 'add', 'osaka.example.com', 'sip:127.0.0.1:%d;transport=tls' % busy.port)
    phone = Baresip(net)
    good = phone.call('sip:2001@127.0.0.1:%d;transport=tls' % c.sips_port, '486 Busy Here')
    tap.ok(good and door(c)['counts']['redirects'] == before + 1 and
           busy.asked == 'INVITE sip:2001@127.0.0.1:%d;transport=tls SIP/2.0' % busy.port,
           'baresip asks by TLS, and follows the 302 to a callee by TLS',
           (busy.asked, phone.said))


def strangers(c):
    before = door(c)['counts']

    def raw(data):
        """What comes back to bytes that are no TLS, until the door ends it."""
        with socket.create_connection(('127.0.0.1', c.sips_port), 20) as s:
            s.settimeout(20)
            s.sendall(data)
            got = b''
            try:
                while True:
                    part = s.recv(4096)
                    if not part:
                        return got
                    got += part
            except ConnectionError:
                return got

    tap.ok(b'SIP/2.0' not in raw(message('2001')), 'a request without TLS gets no reply')
    tap.ok(b'HTTP' not in raw(b'GET / HTTP/1.1\r\n\r\n'), 'nor does one of HTTP')
    raw(b'\x16\x03\x01\xff\xff\x01')
    raw(b'\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00')
    counts = door(c)['counts']
    tap.same((counts['tls_failed'] - before['tls_failed'], counts['requests']),
             (4, before['requests']), 'they are counted, and nothing was asked', counts)

    def ends(data):
        try:
            with connect(c) as s:
                s.sendall(data)
                return b'SIP/2.0' not in replies(s)
        except OSError:
            return True

    tap.ok(ends(message('2001', 1, 'Content-Length: 99999999999\r\n')), 'a huge length ends it')
    tap.ok(ends(message('2001', 2, '')), 'none does')
    tap.ok(ends(b'INVITE ' + b'x' * 20000), 'a request that does not end does')
    tap.ok(not ends(message('2001', 3)), 'control: a sound one is answered')


def crowd(c):
    half = [socket.create_connection(('127.0.0.1', c.sips_port), 20) for _ in range(1100)]
    for s in half:
        s.sendall(b'\x16\x03\x01\x01')
    with connect(c) as held:
        held.sendall(message('2001', 4))
        tap.ok(b'302' in replies(held), 'half a handshake 1100 times: who knows how comes in')
        more = [socket.create_connection(('127.0.0.1', c.sips_port), 20) for _ in range(1100)]
        held.sendall(message('2001', 5))
        tap.ok(b'302' in replies(held), 'and is not the one to make room', door(c))
    for s in half + more:
        s.close()


def renegotiation(c):
    """R is for s_client to ask for another handshake in the same session."""
    done = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % c.sips_port,
                           '-tls1_2', '-legacy_renegotiation'], input=b'R\n',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                          check=False)
    text = done.stdout.decode(errors='replace')
    tap.ok('RENEGOTIATING' in text and 'no renegotiation' in text and '302' in asked(c),
           'nothing is negotiated twice', text[-800:])


def certificates(c, net):
    """Of files, which are read again on SIGHUP; and clients who must show one."""
    folder = os.path.join(net.folder, 'files')
    pki = Pki(folder)
    root = pki.authority('Root')
    server, other = pki.leaf('sip.example.com', root), pki.leaf('sip.example.com', root)
    client, stranger = pki.leaf('cucm.example.com', root), pki.leaf('x.example.com')
    before = shown(c)
    c.must('cert', 'renew', '--now')
    tap.ok(wait_until(lambda: shown(c) != before) and shown(c) == own_certificate(c),
           'a new certificate of the cluster is shown at once')
    file, key = os.path.join(folder, 'door.pem'), os.path.join(folder, 'door.key')
    shutil.copy(server.file, file)
    shutil.copy(server.key, key)
    plain = list(c.options)
    c.options = plain + ['--sips-certificate', file, '--sips-key', key]
    c.restart()
    tap.same(shown(c), server.fingerprint().replace(':', '').lower(), 'one of a file')
    shutil.copy(other.file, file)
    c.process.send_signal(1)
    tap.ok(wait_until(lambda: 'goes on with the certificate' in c.said()),
           'a certificate without its key changes nothing', c.said())
    tap.same(shown(c), server.fingerprint().replace(':', '').lower(), 'the former is shown')
    shutil.copy(other.key, key)
    c.process.send_signal(1)
    wanted = other.fingerprint().replace(':', '').lower()
    tap.ok(wait_until(lambda: shown(c) == wanted), 'a new one is read on SIGHUP')
    c.options = plain + ['--sips-clients', root.file]
    c.restart()
    tap.ok('302' in asked(c, own=client), 'a client whom the authority signed')
    tap.same((asked(c, own=stranger), asked(c)), ('', ''), 'a stranger, and one who shows nothing')
    c.options = plain + ['--sips-certificate', os.path.join(folder, 'nowhere')]
    c.restart()
    row = door(c)
    tap.ok(row['state'] == 'failed' and 'cannot read' in row['error'] and 'nowhere' in row['error'],
           'a file that is not there is named', row)
    c.options = plain
    c.restart()
    tap.ok('302' in asked(c), 'and it answers as before')


def main():
    with Network() as net:
        c = opened(net)
        for part in (answers, route_string, strangers, crowd, renegotiation):
            tap.run(part, c)
        tap.run(sipp, c, net.folder)
        tap.run(baresip, c, net)
        tap.run(certificates, c, net)
    tap.done()


main()
