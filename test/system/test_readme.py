#!/usr/bin/env python3
"""What README.md types is typed, as it stands there: the two clusters, the admin page, the hubs. In
a network namespace of its own, where all its addresses and ports are free; skipped where nobody may
make one. Its waits are a third as long: what is shown is asked for until it is so."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from harness import ILS, ILSD, ROOT, Tap
from test_guide import same_lines

TYPED = re.compile(r'(ils|ilsd|dig|curl|printf|kill|start\(\)|token\(\)) ')
FIRST, LAST = '## Two clusters in seven commands', '**A copy beside its original**'
SET_UP = """set -m
ilsd() { command ilsd "$@" >>ilsd.log 2>&1; }
sleep() { command sleep "$(( ($1 + 2) / 3 ))"; }
trap 'case $BASH_COMMAND in command*) ;; *) echo "@failed $BASH_COMMAND" ;; esac' ERR
"""
# A hub is away: that is what these two say.
MAY_FAIL = {'ils --data nara hubs', 'ils --data nara status'}


def blocks(text):
    """[commands, what is shown of the last one or None]"""
    text = text[text.index('\n' + FIRST):text.index('\n' + LAST)]
    found = []
    for block in re.findall(r'(?:^    .*\n)+', text, re.M):
        lines = [line[4:] for line in block.splitlines()]
        if TYPED.match(lines[0]) and not lines[0].startswith('ils diagnose'):
            found.append([lines, None])
        elif not lines[0].startswith('ils diagnose'):
            found[-1][1] = lines
    return found


class Shell:
    """One bash, as a person has it, in a namespace of its own; its processes end with it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='ils-readme-')
        env = {k: v for k, v in os.environ.items() if k[:3] != 'LC_' and k != 'ILS_DATA'}
        env.update(LANG='C', PATH=os.pathsep.join([os.path.dirname(ILSD), os.path.dirname(ILS),
                                                   env.get('PATH', '')]))
        self.bash = subprocess.Popen(
            ['unshare', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', 'bash --norc; :'],
            env=env,
            cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding='utf-8')
        self.type('ip link set lo up\n' + SET_UP)

    def type(self, text):
        self.bash.stdin.write(text + '\necho "@done"\n')
        self.bash.stdin.flush()
        lines = []
        for line in iter(self.bash.stdout.readline, ''):
            if line == '@done\n':
                return lines
            lines.append(line.rstrip())
        raise RuntimeError('the shell ended: %s' % lines)

    def end(self):
        self.bash.kill()
        self.bash.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def type_block(shell, lines, shown, token):
    """(what was printed, whether the end of it is what is shown)"""
    text = re.sub(r'join ILS1-\S+', 'join ' + token, '\n'.join(lines))
    printed = shell.type(text)
    good, end = shown is None, time.monotonic() + 10
    while not good:
        tail = [p for p in printed if not p.startswith(('@', '['))][-len(shown):]
        good = same_lines(shown, tail, {})
        if good or time.monotonic() > end:
            break
        printed = shell.type('command sleep 0.2; ' + lines[-1])
    return printed, good


def main():
    tap = Tap()
    with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as handle:
        found = blocks(handle.read())
    tap.ok(len(found) > 7 and sum(shown is not None for _, shown in found) > 4,
           'there are blocks', found)
    probe = subprocess.run(['unshare', '--net', 'ip', 'link', 'set', 'lo', 'up'], check=False,
                           stderr=subprocess.DEVNULL)
    lacking = [name for name in ('dig', 'curl') if shutil.which(name) is None]
    if probe.returncode != 0 or lacking:
        tap.skip('README.md', 'not installed: ' + ' '.join(lacking) if lacking else
                 'this host lets nobody make network namespaces')
        tap.done()
    shell, token = Shell(), ''
    try:
        for lines, shown in found:
            if lines[0].startswith('start()'):
                shell.type('kill %1 %2; wait; mkdir again; cd again')
            # the token of the last line is not known before
            last = lines.pop() if 'join ILS1-' in lines[-1] else None
            printed, good = type_block(shell, lines, None if last else shown, token)
            if last:
                token = re.search(r'^ILS1-\S+$', '\n'.join(printed), re.M)[0]
                more, good = type_block(shell, [last], shown, token)
                printed += more
            failed = [p for p in printed if p.startswith('@failed') and p[8:] not in MAY_FAIL]
            tap.ok(good and not failed, lines[0], *failed, 'shown:', *(shown or []), 'printed:',
                   *printed[-20:])
        tap.ok([p for p in shell.type('ils --data kyoto rule hub') if p.startswith('@failed')],
               'control: a command that is wrong')
    finally:
        shell.end()
    tap.done()


if __name__ == '__main__':
    sys.exit(main())
