#!/usr/bin/env python3
"""po/ja.po is whole, and the build's check of it turns red on each way to lose a translation."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
PO = os.path.join(ROOT, 'script', 'po')
SHOWN = ['src/core', 'src/cli', 'src/daemon/render.c', 'src/daemon/diagnose_words.c', 'src/doctor',
         'po']
SELF_SIGNED = 'the certificate of {name} is self-signed and was not imported'


def run(root, *words):
    return subprocess.run([sys.executable, PO, *words, '--root', root], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding='utf-8', check=False)


class Tree:
    """A copy of what the check reads, to be spoilt."""

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix='ils-po-')
        for path in SHOWN:
            source, target = os.path.join(ROOT, path), os.path.join(self.root, path)
            if os.path.isdir(source):
                shutil.copytree(source, target)
            else:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(source, target)
        return self

    def __exit__(self, *error):
        shutil.rmtree(self.root)

    def change(self, path, pattern, replacement):
        full = os.path.join(self.root, path)
        with open(full, encoding='utf-8') as handle:
            text = handle.read()
        changed, n = re.subn(pattern, lambda m: replacement, text, count=1, flags=re.M)
        assert n == 1, pattern
        with open(full, 'w', encoding='utf-8') as handle:
            handle.write(changed)


COUNT = [0, 0]


def ok(good, name, note=''):
    COUNT[0] += 1
    COUNT[1] += not good
    print('%sok %d - %s' % ('' if good else 'not ', COUNT[0], name))
    for line in note.splitlines() if not good else []:
        print('# ' + line)


def refused(name, path, pattern, replacement, said, *words):
    with Tree() as tree:
        tree.change(path, pattern, replacement)
        done = run(tree.root, 'check', *words)
        ok(done.returncode == 1 and said in done.stdout, 'control: ' + name, done.stdout)


def pieces(text):
    """The parts of a sentence that ilsd may have put together, without {names} and punctuation."""
    parts = re.split(r'\{\w+\}|\bt?here\b|\bhave the authority sign a new one \(ils cert csr\)|'
                     r'[;:,()]', text)
    return [part.strip() for part in parts if len(part.strip()) > 8]


def unsaid(said):
    """Pieces of said.def that nothing in ilsd says any more."""
    sources = ''
    for folder, start in (('src/daemon', ''), ('src/driver', 'x509'),
                          ('src/driver', 'source'), ('src/driver', 'entry_text'),
                          ('src/driver', 'csv'), ('src/driver', 'store'),
                          ('src/driver', 'address'), ('src/core', '')):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith('.c') and name.startswith(start):
                with open(os.path.join(ROOT, folder, name), encoding='utf-8') as handle:
                    sources += handle.read()
    sources = re.sub(r'"\s*"', '', sources)
    return [piece for text in said for piece in pieces(text) if piece not in sources]


def main():
    done = run(ROOT, 'check')
    ok(done.returncode == 0, 'every text is there in Japanese', done.stdout)
    done = run(ROOT, 'check', '--rows')
    ok(done.returncode == 0, 'what the build asks', done.stdout)
    with open(os.path.join(ROOT, 'src/core/code.def'), encoding='utf-8') as handle:
        rows = len(re.findall(r'^CODE\(', handle.read(), re.M))
    listed = run(ROOT, 'list').stdout
    ok(rows > 40 and len(re.findall(r'^src/core/code.def ILS', listed, re.M)) == rows,
       'every row of code.def is looked at')
    ok('\t%s\n' % SELF_SIGNED in listed, 'and is put together from its literals')
    with Tree() as tree:
        ok(run(tree.root, 'check').returncode == 0, 'a copy of the tree passes')
        run(tree.root, 'update')
        with open(os.path.join(ROOT, 'po/ja.po'), encoding='utf-8') as ours, \
                open(os.path.join(tree.root, 'po/ja.po'), encoding='utf-8') as theirs:
            ok(ours.read() == theirs.read(), '`script/po update` has nothing to do')
    said = re.findall(r'^src/cli/said.def\t(.*)$', listed, re.M)
    absent = unsaid(said)
    ok(len(said) > 60 and not absent, 'ilsd says what said.def has of it', '\n'.join(absent))
    ok(unsaid(['the hub is planted here']), 'control: a sentence that nobody says')
    entry = r'^msgid "%s"\nmsgstr ".*"\n' % re.escape(SELF_SIGNED)
    refused('a row of code.def that is not in ja.po', 'po/ja.po', entry, '', 'ILS-301', '--rows')
    refused('a row with an empty msgstr', 'po/ja.po', entry,
            'msgid "%s"\nmsgstr ""\n' % SELF_SIGNED, 'has no Japanese', '--rows')
    refused('a row that is in English in ja.po', 'po/ja.po', entry,
            'msgid "%s"\nmsgstr "%s"\n' % (SELF_SIGNED, SELF_SIGNED), 'not Japanese', '--rows')
    refused('a msgstr that lost its {name}', 'po/ja.po', entry,
            'msgid "%s"\nmsgstr "自己署名"\n' % SELF_SIGNED, 'other placeholders', '--rows')
    refused('a msgstr with a name of its own', 'po/ja.po', entry,
            'msgid "%s"\nmsgstr "{name} {host} は自己署名"\n' % SELF_SIGNED, 'other placeholders',
            '--rows')
    refused('a new row of code.def', 'src/core/code.def', r'\ACODE\(|^CODE\(',
            'CODE(999, PLANTED, "a cause" " that is {host}", "", "dialler")\nCODE(', 'ILS-999',
            '--rows')
    refused('a changed cause', 'src/core/code.def', 'is self-signed and was', 'is bad and was',
            'ILS-301', '--rows')
    refused('a sentence of ils without Japanese', 'src/cli/show.c', r'_\("none"\)',
            '_("planted")', 'planted')
    refused('a %s that became a %d', 'po/ja.po', r'^msgstr "ilsd が応答しません: %s"',
            'msgstr "ilsd が応答しません: %d"', 'other placeholders', '--rows')
    print('1..%d' % COUNT[0])
    return 1 if COUNT[1] else 0


if __name__ == '__main__':
    sys.exit(main())
