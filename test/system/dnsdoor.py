"""Asking the DNS door: by dig, as a person does, and by a socket, as fast as Python can."""
import os
import re
import socket
import struct
import subprocess

TYPES = {'A': 1, 'NS': 2, 'SOA': 6, 'HINFO': 13, 'AAAA': 28, 'SRV': 33, 'NAPTR': 35, 'ANY': 255}
RCODES = ('NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED')


class Dug:
    """What dig says: .status, .flags, .answers (text of data by line), .text."""

    def __init__(self, port, name, kind='NAPTR', *options, address='127.0.0.1'):
        run = subprocess.run(['dig', '@' + address, '-p', str(port), '+tries=1', '+timeout=5',
                              '+nocookie', *options, name, kind],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=30, check=False, env=dict(os.environ, LC_ALL='C'))
        self.text = run.stdout
        status = re.search(r'status: (\w+)', self.text)
        flags = re.search(r';; flags: ([a-z ]*);', self.text)
        self.status = status.group(1) if status else None
        self.flags = flags.group(1).split() if flags else []
        self.answers = self.section('ANSWER')
        self.authority = self.section('AUTHORITY')

    def section(self, name):
        part = re.search(r';; %s SECTION:\n(.*?)(\n\n|\Z)' % name, self.text, re.S)
        lines = part.group(1).splitlines() if part else []
        return [' '.join(line.split()[3:]) for line in lines if not line.startswith(';')]


def dnsname(text):
    """Labels between dots; a dot within a label is written as \\."""
    labels = [part.replace('\0', '.') for part in text.replace('\\.', '\0').split('.') if part]
    return b''.join(bytes([len(part)]) + part.encode() for part in labels) + b'\0'


def question(name, kind='NAPTR', mark=0x4711, edns=1232):
    """A question as bytes."""
    tail = struct.pack('>BHHIH', 0, 41, edns, 0, 0) if edns else b''
    return (struct.pack('>HHHHHH', mark, 0x100, 1, 0, 0, 1 if edns else 0) + dnsname(name) +
            struct.pack('>HH', TYPES[kind], 1) + tail)


class Reply:
    """.rcode, .truncated, .naptr: (preference, URI) of each record."""

    def __init__(self, data):
        self.mark, flags, questions, answers = struct.unpack('>HHHH', data[:8])
        self.rcode, self.truncated = RCODES[flags & 15], bool(flags & 0x200)
        at, self.naptr = 12, []
        for _ in range(questions):
            at = skip(data, at) + 4
        for _ in range(answers):
            at = skip(data, at)
            kind, _, _, size = struct.unpack('>HHIH', data[at:at + 10])
            if kind == TYPES['NAPTR']:
                self.naptr.append(naptr(data[at + 10:at + 10 + size]))
            at += 10 + size


def skip(data, at):
    while data[at]:
        if data[at] >= 0xc0:
            return at + 2
        at += 1 + data[at]
    return at + 1


def naptr(data):
    preference, at, texts = struct.unpack('>H', data[2:4])[0], 4, []
    for _ in range(3):
        texts.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    mark, pattern, uri, rest = re.match(r'(.)(.*?)\1(.*?)\1(.*)$', texts[2]).groups()
    assert (texts[0], mark, pattern, rest) == ('u', '!', '^.*$', ''), texts
    return preference, uri


def ask(port, name, kind='NAPTR', **more):
    """The Reply to one datagram; None when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.connect(('127.0.0.1', port))
        try:
            s.send(question(name, kind, **more))
            return Reply(s.recv(65536))
        except OSError:
            return None


def is_built(c):
    """Whether this ilsd has the door (-Ddns)."""
    return any(row['door'] == 'dns' for row in c.json('door', 'list'))


def number_name(number, suffix='ils.internal'):
    """The name of a number: with + as ENUM has it, else below `enterprise`."""
    digits = number.lstrip('+')
    tree = '' if number.startswith('+') else 'enterprise.'
    return '.'.join(reversed(digits)) + '.' + tree + suffix


def uri_name(uri, suffix='ils.internal'):
    user, host = uri.split('@')
    return '%s.%s.uri.%s' % (user.replace('.', '\\.'), host, suffix)
