#!/usr/bin/env python3
"""Completion in bash (dist/ils.bash): what it offers is what the table of commands has, at each
place of a command line, without an ilsd."""
import os
import re
import subprocess
import tempfile

from fake import ILS, ROOT
from harness import Tap

tap = Tap()
SCRIPT = '''. %s/dist/ils.bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_ils
printf '%%s\\n' "${COMPREPLY[@]}"''' % ROOT


def offered(line, cwd='/'):
    """What is offered for the last word of a line, which may be empty."""
    out = subprocess.run(['bash', '-c', SCRIPT, 'bash', ILS] + line.split(' ')[1:], cwd=cwd,
                         stdout=subprocess.PIPE, encoding='utf-8', check=True).stdout
    return [word for word in out.split('\n') if word]


def has(line, *words):
    got = offered(line)
    tap.ok(set(words) <= set(got), '`%s`: %s' % (line, ' '.join(words) or 'nothing'), got)


def only(line, *words):
    tap.same(sorted(offered(line)), sorted(words), '`%s`: %s and no more' % (
        line, ' '.join(words) or 'nothing'))


def help_of(*words):
    return subprocess.run([ILS, 'help'] + list(words), stdout=subprocess.PIPE, encoding='utf-8',
                          check=True, env=dict(os.environ, LC_ALL='C')).stdout


def whole_table():
    """Every word of every command is offered where it stands, and every option behind it."""
    page = help_of().split('commands:')[1].split('\noptions of')[0]
    names = re.findall(r'^  ((?:[a-z-]+ ?)+?)(?: [^a-z ].*| {2,}.*|)$', page, re.M)
    lost = []
    for name in names:
        words = name.split()
        line = 'ils'
        for word in words:
            if word not in offered(line + ' ' + word[:1]):
                lost.append('%s: %s' % (name, word))
            line += ' ' + word
        usage = help_of(*words).split('\n')[0]
        options = set(re.findall(r'(--[a-z-]+)', usage)) | {'--json', '--data', '--help'}
        if not options <= set(offered(line + ' --')):
            lost.append('%s: %s' % (name, options - set(offered(line + ' --'))))
    tap.ok(len(names) > 90 and not lost, 'all of the table is offered', [len(names)] + lost[:5])


def main():
    whole_table()
    only('ils --data /x plan im', 'import')
    only('ils cert ex', 'export')
    only('ils role ', 'hub', 'spoke', 'standalone')
    only('ils help trust bundle ', 'export', 'import')
    has('ils sync ', 'every')
    has('ils auth set --tls o', 'on', 'off')
    has('ils auth set --accept tls +', '+tls', '+password')
    has('ils auth set --accept tls --', '--password', '--json')
    only('ils plan add --failover - U', 'URI')
    only('ils plan add URI alice@example.com ')
    only('ils exchange on ')
    only('ils nonsense ')
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, 'tokyo'))
        open(os.path.join(folder, 'tokyo.pem'), 'wb').close()
        tap.same(sorted(offered('ils trust import to', folder)), ['tokyo', 'tokyo.pem'],
                 'names of files where a file is wanted')
        tap.same(offered('ils --data to', folder), ['tokyo'], 'and of directories')
    tap.done()


main()
