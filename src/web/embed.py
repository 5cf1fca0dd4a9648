#!/usr/bin/env python3
"""embed.py BUILT PO ADVICE OUT: the files of the page as C, compressed, with entity tags. Beside
them the Japanese of what ilsd says, made of PO (src/said.ts reads it), and what ADVICE, the words
of the troubleshooting guide, knows of alarms, codes and lines (src/advice.tsx). The same input
gives the same bytes."""
import gettext
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib

TYPES = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8',
         '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
         '.json': 'application/json', '.txt': 'text/plain; charset=utf-8'}


def pairs(po, *options):
    """Of those messages of po that msggrep lets through: a sentence, and what it is in Japanese."""
    with tempfile.NamedTemporaryFile() as some, tempfile.NamedTemporaryFile() as mo:
        subprocess.run(['msggrep', *options, '-o', some.name, po], check=True)
        subprocess.run(['msgfmt', '-o', mo.name, some.name], check=True)
        with open(mo.name, 'rb') as handle:
            table = gettext.GNUTranslations(handle)._catalog
    return [[a, b] for a, b in sorted((a, b) for a, b in table.items() if isinstance(a, str))
            if a and '\n' not in a and a != b]


def translations(po):
    """Templates of what ilsd says, and words that stand alone."""
    hole = re.compile(r'\{\w+\}|%')
    ilsd = ['-N', 'src/core/*.def', '-N', 'src/cli/said.def', '-N', 'src/daemon/render.c']
    return {'templates': pairs(po, *ilsd),
            'words': [[a, b] for a, b in pairs(po, '-v', *ilsd)
                      if len(a) < 80 and not hole.search(a)]}


def advice(path):
    """Of each alarm, code and line of a trace: what the guide says of it, in both languages."""
    with open(path, 'rb') as handle:
        guide = tomllib.load(handle)
    return {kind: {name: {'en': one['en'].strip(), 'ja': one['ja'].strip()}
                   for name, one in guide[kind].items() if 'en' in one}
            for kind in ('alarm', 'code', 'line')}


def files(built, po, guide):
    """(path, bytes) of all of them; the page itself is `/`."""
    found = []
    for base, _, names in os.walk(built):
        for name in names:
            whole = os.path.join(base, name)
            with open(whole, 'rb') as handle:
                found.append(('/' + os.path.relpath(whole, built), handle.read()))
    for name, value in (('said.ja', translations(po)), ('advice', advice(guide))):
        text = json.dumps(value, ensure_ascii=False, separators=(',', ':'))
        found.append(('/assets/%s.json' % name, text.encode()))
    return sorted(('/' if path == '/index.html' else path, data) for path, data in found)


def main(built, po, guide, out):
    lines = ['#include "daemon/page_files.h"', '']
    rows = []
    for i, (path, data) in enumerate(files(built, po, guide)):
        packed = gzip.compress(data, 9, mtime=0)
        kind = TYPES[os.path.splitext('/index.html' if path == '/' else path)[1]]
        tag = hashlib.sha256(data).hexdigest()[:16]
        cells = [', '.join('%d' % b for b in packed[at:at + 24])
                 for at in range(0, len(packed), 24)]
        lines += ['static const uint8_t file_%d[] = {' % i, ',\n'.join(cells), '};', '']
        rows.append('    {"%s", "%s", "\\"%s\\"", file_%d, sizeof file_%d, true},' %
                    (path, kind, tag, i, i))
    lines += ['const struct page_file page_files[] = {'] + rows + ['};',
              'const size_t page_files_n = %d;' % len(rows)]
    with open(out, 'w', encoding='utf-8') as handle:
        handle.write('\n'.join(lines) + '\n')


main(*sys.argv[1:])
