#!/usr/bin/env python3
"""docs/contract.md is current: its table of codes is the code's own, and every command, option and
key that it speaks of is there."""
import os
import re
import shlex
import subprocess
import tempfile

from harness import ILS, ROOT, Network, Tap

tap = Tap()
OPTION = re.compile(r'(--[a-z-]+)')


def read(*path):
    with open(os.path.join(ROOT, *path), encoding='utf-8') as handle:
        return handle.read()


def out(*words, lang='C'):
    return subprocess.run([ILS] + list(words), stdout=subprocess.PIPE, encoding='utf-8',
                          env=dict(os.environ, LC_ALL=lang), check=False).stdout


def typed(remedy):
    """The exit status of the first `ils` command of a remedy where there is no ilsd."""
    values = {'generation': '1', 'port': '7501', 'host': 'hub.example.com', 'retry': '1',
              'method': 'tls+password', 'verdict': '0123456789abcdef', 'peer': 'osaka',
              'address': '10.0.0.5', 'fresh': 'osaka-0a1b',
              'fresh_name': 'osaka-0a1b.example.com'}
    remedy = re.sub(r'\{(\w+)\}', lambda m: values[m[1]], remedy)
    words = next(shlex.split(part)[1:] for part in remedy.split(' && ') if part.startswith('ils '))
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([ILS, '--data', folder] + words, input=b'one\n',
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode


def unlike(name, options, places):
    """What the places (paragraphs of the manual, rows of the contract) that show a command lack of
    its options, or have beyond those of all the commands that they show."""
    def shown(command, place):
        return re.search(r'[*`]ils %s[*` ]' % re.escape(command), place.split('\n\t')[0])

    mine = [place for place in places
            if place.startswith(('*ils', '| `ils')) and shown(name, place)]
    if not mine:
        return ['not shown']
    said = set(OPTION.findall('\n'.join(place.split('\n\t')[0] for place in mine)))
    known = set().union(*(options[c] for c in options for place in mine if shown(c, place)))
    return sorted(options[name] - said) + sorted(said - known)


def main():
    contract, codes = read('docs', 'contract.md'), out('--contract-codes')
    tap.ok(codes in contract, 'the table of codes is that of the program',
           'script/contract writes it')
    tap.ok(out('--contract-alarms') in contract, 'the table of alarms is that of the program',
           'script/contract writes it')
    numbers = re.findall(r'^\| ILS-(\d+)', codes, re.M)
    tap.ok(len(numbers) > 20 and len(numbers) == len(set(numbers)), 'no code has two causes')
    tap.ok(codes.replace('ILS-201', 'ILS-999') not in contract,
           'control: another table is not there')
    causes = out('--contract-causes', lang='ja_JP.UTF-8')
    tap.ok(causes in contract, 'the table of causes in Japanese is that of the program',
           'script/contract writes it')
    for remedy in sorted(set(re.findall(r'`([^`]*\bils [^`]+)`', codes))):
        tap.ok(typed(remedy) != 64, 'the remedy `%s` is a command' % remedy)
    tap.same((typed('ils trust import --verdikt {verdict}'), typed('ils trsut list')), (64, 64),
             'control: a remedy with a mistyped word is none')
    version = re.search(r"version: '([0-9.]+)'", read('meson.build')).group(1)
    tap.same(out('--version'), 'ils %s\n' % version, 'the version is that of the build')
    pages = out('--help').split('commands:')[1].split('\noptions of')[0]
    names = [name.strip() for name in
             re.findall(r'^  ((?:[a-z-]+ ?)+?)(?: [^a-z ].*| {2,}.*|)$', pages, re.M)]
    options = {name: set(OPTION.findall(out('help', *name.split()).split('\n')[0]))
               for name in names if name != 'help'}
    tap.ok(len(options) > 90, 'the commands are read from the help', len(options))
    manual = read('man', 'ils.1.scd')
    for page, places in (('manual', manual.split('\n\n')), ('contract', contract.split('\n'))):
        for name in options:
            absent = unlike(name, options, places)
            tap.ok(not absent, 'ils %s and its options are in the %s' % (name, page), absent)
    places = manual.split('\n\n')
    tap.ok(unlike('trust lost', dict(options, **{'trust lost': set()}), places) and
           unlike('leave', dict(options, leave={'--yes', '--gone'}), places) and
           unlike('leave', dict(options, leave={'--yes'}), places),
           'control: an absent command, an absent option and one too many are found')
    with Network() as net:
        c = net.cluster('alpha')
        c.hub('pw')
        for words in ('status', 'clusters', 'auth show', 'password list', 'audit', 'identity',
                      'network', 'sync', 'role hub'):
            answer = c.json(*words.split())
            row = answer[0] if isinstance(answer, list) else answer
            absent = [k for k in row if '`%s`' % k not in contract]
            tap.ok(not absent, 'the keys of `ils %s --json` are in the contract' % words, absent)
        absent = [k for k in c.json('lookup', '4711') if '`%s`' % k not in contract]
        tap.ok(not absent, 'the keys of `ils lookup --json` are in the contract', absent)
        absent = [k for k in c.join(c) if '`%s`' % k not in contract]
        tap.ok(not absent, 'the keys of `ils join --json` are in the contract', absent)
    tap.done()


main()
