#!/usr/bin/env python3
"""threads: everything beside everything at the doors of one ilsd, for ThreadSanitizer: questions at
all doors while entries change, doors are set and moved, routes come and go, files are imported and
certificates renewed. Prints how many questions were answered. threads.py SECONDS"""
import os
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))

# pylint: disable=wrong-import-position
import change
import ours
import wait
from harness import Network, free_port

N = 20000


def asked(port):
    """One question over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(('127.0.0.1', port), 60)) as s:
        s.sendall(b'INVITE sip:%s SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z\r\n'
                  b'Max-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n'
                  b'CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n' % ours.key(1).encode())
        return s.recv(65536).startswith(b'SIP/2.0 ')


def stir(spoke, other, turn):
    """What an operator may do meanwhile."""
    on = 'on' if turn % 2 else 'off'
    spoke.must('door', 'set', 'sip', '--send-route-string', on, '--rate', '100000/s')
    spoke.must('door', 'set', 'dns', '--suffix', 'ils.internal' if turn % 2 else '')
    spoke.must('door', 'set', 'sips', '--listen', '127.0.0.1:%d' % spoke.sips_port)
    if not asked(spoke.sips_port):
        raise RuntimeError('no answer over TLS')
    spoke.must('route', 'add', 'r%d.example.com' % turn, 'sip:192.0.2.2')
    spoke.must('block', 'add', '--prefix', '99%d' % turn)
    spoke.must('plan', 'import', other, '--source', 'other', '--force')
    spoke.must('cert', 'renew', '--now')
    spoke.ils('status')  # degraded while it is behind
    spoke.must('door', 'set', 'sips', '--listen', 'off')


def main():
    seconds = int(sys.argv[1])
    other = wait.other_data(N)
    wait.SECONDS = seconds
    with Network() as net:
        hub, spoke = wait.pair(net, N)
        spoke.sips_port = free_port()
        running = [subprocess.Popen(
            [ours.ASK, 'load', str(spoke.sip_port), str(seconds), str(change.RATE // 10),
             str(change.ROWS), os.path.join(hub.data, 'control.sock')], stdout=subprocess.DEVNULL)]
        ports = {'sip': spoke.sip_port, 'http': spoke.http_port, 'dnstcp': spoke.dns_port}
        asking = [subprocess.Popen([ours.tool('lag'), door, str(port), str(seconds), '200', str(N)],
                                   text=True, stdout=subprocess.PIPE)
                  for door, port in ports.items()]
        end, turn = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            stir(spoke, other, turn)
            turn += 1
        said = ''.join(p.communicate()[0] for p in asking)
        for p in running:
            p.wait()
        count = sum(int(line.split()[1]) for line in said.splitlines() if 'asked' in line)
        lost = sum(int(line.split()[1]) for line in said.splitlines() if 'unanswered' in line)
        print('%d answers, %d turns' % (count - lost, turn))
    os.unlink(other)


main()
