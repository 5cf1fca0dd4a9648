#!/usr/bin/env python3
"""bytes.py FILE OUT NAME HEADER: the bytes of a file as an array of C that the header declares.
JSON is written without blanks."""
import json
import sys

source, out, name, header = sys.argv[1:]
with open(source, 'rb') as handle:
    data = handle.read()
if source.endswith('.json'):
    data = json.dumps(json.loads(data), separators=(',', ':'), ensure_ascii=False).encode() + b'\n'
rows = [', '.join('%d' % b for b in data[i:i + 16]) for i in range(0, len(data), 16)]
with open(out, 'w', encoding='utf-8') as handle:
    handle.write('#include "%s"\n\nconst uint8_t %s[] = {\n%s,\n};\nconst size_t %s_n = %d;\n' %
                 (header, name, ',\n'.join(rows), name, len(data)))
