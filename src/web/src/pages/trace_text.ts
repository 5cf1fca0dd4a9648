/* trace_text: lines of traces, those that come from ilsd and those of a file, put together to the
 * attempts that they belong to. ilsd gives the verdict's id with its lines; in a file it is in the
 * line of the verdict alone, or in the records of the file beside it (.jsonl). */

export type Level = 'error' | 'significant' | 'detailed';

export interface TraceRecord {
    event: string;
    text: string;
    verdict_id: string | null;
    peer: string | null;
    peer_id: string | null;
    code: string | null;
    fields: { link?: number; dialler?: boolean; host?: string; local?: string | null };
    time: string;
    level?: Level;
}

export interface TraceLine {
    line: string;
    record: TraceRecord | null;
}

/* The levels of the events that are not significant (src/core/event.def), where ilsd does not say
 * them itself. */
const DETAILED = new Set('R2 T2 T4 T5 T6 T7 T25 T28'.split(' '));
const ERROR = new Set(
    'D2 R3 R4 R6 R7 R9 R11 R13 R14 T10 T11 T15 T16 T17 T18 T20 T21 T30'.split(' '),
);
const ORDER: Level[] = ['error', 'significant', 'detailed'];

export function levelOf(line: TraceLine): Level {
    const record = line.record;
    if (record?.level) return record.level;
    const event = record?.event ?? '';
    return ERROR.has(event) ? 'error' : DETAILED.has(event) ? 'detailed' : 'significant';
}

export function isAtLeast(line: TraceLine, level: Level): boolean {
    return ORDER.indexOf(levelOf(line)) <= ORDER.indexOf(level);
}

export interface Wanted {
    level: Level;
    /* of a cluster: its peer id and its name; else an address or a part of one */
    cluster: string;
    peer: string;
    verdict: string;
    code: string;
    text: string;
}

function has(text: string | null | undefined, part: string): boolean {
    return part === '' || (text ?? '').toLowerCase().includes(part);
}

export function passes(line: TraceLine, w: Wanted): boolean {
    const r = line.record;
    const cluster = w.cluster.trim().toLowerCase();
    const text = w.text.trim().toLowerCase();
    const verdict = w.verdict.trim().toLowerCase();
    return (
        isAtLeast(line, w.level) &&
        (cluster === '' ||
            (w.peer !== '' && r?.peer_id === w.peer) ||
            has(r?.peer, cluster) ||
            has(r?.fields.host, cluster)) &&
        (verdict === '' || has(r?.verdict_id, verdict)) &&
        (w.code.trim() === '' || has(line.line, w.code.trim().toLowerCase())) &&
        has(line.line, text)
    );
}

/* The lines of an attempt: those of its link, of which one names the verdict. */
export function linesOf(lines: TraceLine[], verdict: string): TraceLine[] {
    const links = new Set<number>();
    for (const one of lines)
        if (one.record?.verdict_id === verdict && one.record.fields.link)
            links.add(one.record.fields.link);
    return lines.filter(
        ({ record }) =>
            record !== null &&
            (record.verdict_id === verdict ||
                (record.verdict_id === null && links.has(record.fields.link ?? -1))),
    );
}

export interface Attempt {
    verdict: string;
    code: string;
    lines: string[];
}

const VERDICT = /IlsD Verdict (ILS-\d+) id=([0-9a-f]{16})/;

function ofRecords(lines: TraceLine[]): Attempt[] {
    const ends = lines.filter(l => l.record?.event === 'V1' && l.record.verdict_id);
    return ends.map(({ record }) => ({
        verdict: record?.verdict_id ?? '',
        code: record?.code ?? '',
        lines: linesOf(lines, record?.verdict_id ?? '').map(
            l => `${l.record?.time ?? ''} ${l.record?.text ?? ''}`,
        ),
    }));
}

const LINK = /TCPPid ?(?:\(\[1, 600, \d+, (\d+)\]\)|= \[1\.600\.\d+\.(\d+)\])/;

function linkOf(line: string): string {
    const [, a, b] = LINK.exec(line) ?? [];
    return a ?? b ?? '';
}

/* In a file without records an attempt is what stands between two verdicts, from where its link
 * begins, without the lines of other links. */
function ofText(lines: string[]): Attempt[] {
    const found: Attempt[] = [];
    let from = 0;
    lines.forEach((line, i) => {
        const [, code = '', verdict = ''] = VERDICT.exec(line) ?? [];
        if (verdict === '') return;
        const all = lines.slice(from, i + 1);
        const link =
            all
                .map(linkOf)
                .filter(l => l !== '')
                .at(-1) ?? '';
        const begin = all.findIndex(l => linkOf(l) === link || l.includes('Ils::ConnectReq()'));
        const mine = all.slice(Math.max(begin, 0)).filter(l => ['', link].includes(linkOf(l)));
        found.push({ verdict, code, lines: mine });
        from = i + 1;
    });
    return found;
}

/* The attempts of a file or of what was pasted. */
export function attemptsOf(text: string): Attempt[] {
    const lines = text.split(/\r?\n/).filter(l => l.trim() !== '');
    const records: TraceLine[] = [];
    for (const line of lines.filter(l => l.startsWith('{')))
        try {
            const record = JSON.parse(line) as TraceRecord;
            records.push({ line, record: { ...record, fields: record.fields ?? {} } });
        } catch {
            /* a line that was cut */
        }
    return records.length > 0 ? ofRecords(records) : ofText(lines);
}
